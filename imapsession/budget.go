package imapsession

import (
	"slices"
	"time"
)

// This file keeps what all Sessions remember within one budget.

const (
	budget    = 256 << 20 // octets of all Sessions
	markCost  = 100       // of the flags of one message, with their place in a map
	goneCost  = 16        // of a message that was removed
	uidCost   = 4
	mirrorTop = 1 << 10 // of a folder of which nothing is known yet
)

// weigh counts the mirrors anew, for this Session and the whole Pool. It is
// called after they have changed; a call left out is made good by the next one.
// It needs c.mu.
func (c *cache) weigh() {
	n := 0
	for _, m := range c.mirrors {
		n += m.cost()
	}
	grown := n - c.held
	c.held = n
	c.count(grown)
}

// count tells the Pool of more or fewer octets, and when they are too many.
func (c *cache) count(n int) {
	c.total.Add(int64(n))
	if n > 0 && c.grown != nil {
		c.grown()
	}
}

// cost estimates the memory of a mirror.
func (m *mirror) cost() int {
	n := mirrorTop + markCost*len(m.marks) + goneCost*len(m.removed)
	for _, ix := range []*index{m.order, m.window} {
		if ix != nil {
			n += uidCost * cap(ix.uids)
		}
	}
	for _, f := range m.filtered {
		n += uidCost * cap(f.uids)
	}
	return n
}

// relieve forgets at least want octets if it can, those not used for longest
// first: rows, which are cheap to ask for again, then folders, except the one
// that a watch keeps true. It returns what was freed.
func (c *cache) relieve(want int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.bytes + c.held
	for c.recent.Len() > 0 && before-c.bytes-c.held < want {
		c.evict(c.recent.Back())
	}
	for before-c.bytes-c.held < want {
		oldest := ""
		for name, m := range c.mirrors {
			if !m.live && (oldest == "" || m.used.Before(c.mirrors[oldest].used)) {
				oldest = name
			}
		}
		if oldest == "" {
			break
		}
		delete(c.mirrors, oldest)
		c.weigh()
	}
	return before - c.bytes - c.held
}

// grown wakes the janitor when the budget is passed.
func (p *Pool) grown() {
	if p.bytes.Load() > p.budget {
		select {
		case p.full <- struct{}{}:
		default:
		}
	}
}

// relieve brings what all Sessions remember below the budget, by a margin so that
// the next row does not call for it again. The Sessions used longest ago forget
// first. It reports whether that was enough: what is watched is kept.
func (p *Pool) relieve() bool {
	target := p.budget - p.budget/8
	if p.bytes.Load() <= p.budget {
		return true
	}
	type aged struct {
		s    *Session
		used time.Time
	}
	p.mu.Lock()
	all := make([]aged, 0, len(p.sessions))
	for _, s := range p.sessions {
		s.mu.Lock()
		all = append(all, aged{s, s.active})
		s.mu.Unlock()
	}
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b aged) int { return a.used.Compare(b.used) })
	for _, a := range all {
		over := p.bytes.Load() - target
		if over <= 0 {
			return true
		}
		a.s.cache.relieve(int(over))
	}
	return p.bytes.Load() <= target
}
