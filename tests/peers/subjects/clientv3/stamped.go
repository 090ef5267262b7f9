package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// latencies of values that carry the time at which they were written.
type latencies struct {
	mutex sync.Mutex
	nanos []int64
}

func (seen *latencies) saw(written int64) {
	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	seen.nanos = append(seen.nanos, time.Now().UnixNano()-written)
}

func (seen *latencies) count() int {
	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	return len(seen.nanos)
}

func (seen *latencies) answer(words []string) line {
	// One that was overwritten before anybody looked never comes.
	count, since := seen.count(), time.Now()
	for count < number(words, 1) && time.Since(since) < 3*time.Second {
		time.Sleep(2 * time.Millisecond)
		if now := seen.count(); now != count {
			count, since = now, time.Now()
		}
	}
	seen.mutex.Lock()
	defer seen.mutex.Unlock()
	nanos := seen.nanos
	seen.nanos = nil
	slices.Sort(nanos)
	at := func(share int) int64 {
		if len(nanos) == 0 {
			return 0
		}
		return nanos[(len(nanos)-1)*share/100] / 1000
	}
	return line{"count": len(nanos), "p50_us": at(50), "p99_us": at(99)}
}

type typed struct{ written int64 }

func visible(asked scene) {
	var seen latencies
	var current atomic.Pointer[typed]
	current.Store(&typed{})
	changed := make(chan struct{}, 1)
	watchEach(asked.client(), "/visible/clientv3/", func(value string) {
		written, err := strconv.ParseInt(value, 10, 64)
		check(err)
		current.Store(&typed{written})
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	go func() {
		for range changed {
			seen.saw(current.Load().written)
		}
	}()
	serve(line{}, seen.answer)
}

func burst(asked scene) {
	var seen latencies
	client := asked.client()
	for watch := range asked.numbers["watches"] {
		var current atomic.Pointer[typed]
		watchEach(client, fmt.Sprintf("/burst/%d/", watch), func(value string) {
			_, text, _ := strings.Cut(value, ":")
			written, err := strconv.ParseInt(text, 10, 64)
			check(err)
			current.Store(&typed{written})
			seen.saw(written)
		})
	}
	serve(line{"open": asked.numbers["watches"]}, seen.answer)
}

// watchEach calls back with each value below a prefix, and returns when the watch is there.
func watchEach(client *clientv3.Client, prefix string, apply func(value string)) {
	options := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithCreatedNotify()}
	watch := client.Watch(context.Background(), prefix, options...)
	<-watch
	go func() {
		for response := range watch {
			for _, event := range response.Events {
				apply(string(event.Kv.Value))
			}
		}
	}()
}
