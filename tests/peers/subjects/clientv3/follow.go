package main

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// followed is a map that is kept current by cloning and inserting.
type followed struct {
	values  atomic.Pointer[map[string]string]
	changed chan struct{}
	stop    context.CancelFunc
}

// follow lists a prefix, and keeps the map current from then on. clientv3 resumes a watch by itself.
func follow(client *clientv3.Client, prefix string) *followed {
	// Contexts that differ in nothing but when they end share one stream of clientv3.
	ctx, stop := context.WithCancel(context.Background())
	answer, err := client.Get(ctx, prefix, clientv3.WithPrefix())
	check(err)
	values := make(map[string]string, len(answer.Kvs))
	for _, kv := range answer.Kvs {
		values[strings.TrimPrefix(string(kv.Key), prefix)] = string(kv.Value)
	}
	one := &followed{changed: make(chan struct{}, 1), stop: stop}
	one.values.Store(&values)
	watch := client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(answer.Header.Revision+1))
	go func() {
		for response := range watch {
			one.apply(prefix, response.Events)
		}
	}()
	return one
}

func (one *followed) apply(prefix string, events []*clientv3.Event) {
	if len(events) == 0 {
		return
	}
	old := *one.values.Load()
	next := make(map[string]string, len(old))
	for key, value := range old {
		next[key] = value
	}
	for _, event := range events {
		key := strings.TrimPrefix(string(event.Kv.Key), prefix)
		if event.Type == clientv3.EventTypePut {
			next[key] = string(event.Kv.Value)
		} else {
			delete(next, key)
		}
	}
	one.values.Store(&next)
	select {
	case one.changed <- struct{}{}:
	default:
	}
}

func median(walls []time.Duration) float64 {
	slices.Sort(walls)
	return float64(walls[len(walls)/2]) / 1e3
}
