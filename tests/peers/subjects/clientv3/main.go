// clientv3 by hand: get, watch from the next revision, and an atomic pointer that readers load.
// What it is asked and answers is described in subjects/common.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type line map[string]any

type scene struct {
	name, endpoint string
	numbers        map[string]int
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: <scene> <endpoint> [name=value ...]")
	}
	asked := scene{os.Args[1], os.Args[2], map[string]int{}}
	for _, argument := range os.Args[3:] {
		name, value, _ := strings.Cut(argument, "=")
		asked.numbers[name], _ = strconv.Atoi(value)
	}
	switch asked.name {
	case "open":
		open(asked)
	case "load":
		load(asked)
	case "visible":
		visible(asked)
	case "burst":
		burst(asked)
	default:
		fmt.Printf("{\"unsupported\":%q}\n", asked.name)
	}
}

func (asked scene) client() *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{asked.endpoint}, DialTimeout: 5 * time.Second})
	check(err)
	return client
}

func say(answer line) {
	answer["cpu_us"] = cpu()
	text, err := json.Marshal(answer)
	check(err)
	fmt.Println(string(text))
}

func serve(first line, answer func(words []string) line) {
	say(first)
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		say(answer(strings.Split(input.Text(), " ")))
	}
}

func cpu() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	micros := func(time syscall.Timeval) float64 { return float64(time.Sec)*1e6 + float64(time.Usec) }
	return micros(usage.Utime) + micros(usage.Stime)
}

func number(words []string, at int) int {
	if at >= len(words) {
		return 0
	}
	value, _ := strconv.Atoi(words[at])
	return value
}

func open(asked scene) {
	shared := asked.client()
	var all []*followed
	serve(line{}, func(words []string) line {
		switch words[0] {
		case "open":
			for range number(words, 1) {
				all = append(all, follow(shared, fmt.Sprintf("/open/%d/values/", len(all))))
			}
		case "fleet":
			for range number(words, 1) {
				own := asked.client()
				for prefix := range number(words, 2) {
					all = append(all, follow(own, fmt.Sprintf("/open/%d/values/", prefix)))
				}
			}
		}
		return line{}
	})
}

func load(asked scene) {
	client := asked.client()
	_, err := client.Get(context.Background(), "/")
	check(err)
	var last *followed
	var walls []time.Duration
	before := cpu()
	for range max(asked.numbers["repeats"], 1) {
		if last != nil {
			last.stop()
		}
		begin := time.Now()
		last = follow(client, fmt.Sprintf("/load/%d/values/", asked.numbers["keys"]))
		walls = append(walls, time.Since(begin))
	}
	spent := (cpu() - before) / float64(len(walls))
	first := line{"wall_us": median(walls), "load_cpu_us": spent, "keys": len(*last.values.Load())}
	serve(first, func(words []string) line {
		if words[0] == "await" {
			for (*last.values.Load())[words[1]] != words[2] {
				<-last.changed
			}
		}
		return line{}
	})
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func init() {
	// What a container with two cores has; more threads of the collector change nothing here.
	runtime.GOMAXPROCS(min(runtime.NumCPU(), 2))
}
