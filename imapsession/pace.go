package imapsession

import "time"

// pace is how often the watch looks and how long it waits. Every Pool has the
// same; the tests of faults shorten it, because most faults show only when one of
// these times is over.
type pace struct {
	calm      time.Duration   // at most one event of a folder in that time; the first goes at once
	linger    time.Duration   // the watch goes on after the last page has gone
	reIdle    time.Duration   // IDLE is renewed before anything on the way forgets the connection
	wary      time.Duration   // likewise, on a server that does not announce what it should
	recounted time.Duration   // how often all folders are counted
	done      time.Duration   // for the answers to IDLE and DONE
	backoff   []time.Duration // before each further attempt to reach a server that is away
}

var usualPace = pace{
	calm:      250 * time.Millisecond,
	linger:    5 * time.Minute,
	reIdle:    270 * time.Second,
	wary:      time.Minute,
	recounted: time.Minute,
	done:      10 * time.Second,
	backoff:   []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second},
}
