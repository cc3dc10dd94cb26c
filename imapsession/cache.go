package imapsession

import (
	"container/list"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// cacheBytes is about what the rows of one Session may take.
const cacheBytes = 2 << 20

// cache is what a Session remembers. Its lock is held for moments only, never
// while something is sent or awaited.
type cache struct {
	total *atomic.Int64 // bytes of all Sessions of the Pool
	grown func()        // called when they have become more; nil: nobody wants to know

	mu       sync.Mutex
	folders  []mail.Folder
	listedAt time.Time
	changes  int // counts what made folders stale; a list asked for earlier is not kept
	spaces   *spaces
	chosen   map[mail.Role]string // roles given by CreateRole
	mirrors  map[string]*mirror   // by folder
	versions uint64               // of the newest order
	mirrored uint64               // mirrors made so far
	rows     map[rowKey]*list.Element
	recent   *list.List     // of *packed, the one used last in front
	bytes    int            // of the rows
	held     int            // of the mirrors; see budget.go
	broken   map[rowKey]int // how much of a message the server can tell; see broken.go
	flight   *flight
}

// rowKey names a message of the account for ever; see mail.Ref.
type rowKey struct {
	folder   string
	validity uint32
	uid      imap.UID
}

// row is what never changes about a message.
type row struct {
	summary mail.Summary // without flags
	root    mail.Part
	hasRoot bool
	preview bool // summary.Preview has been looked for
}

// reset forgets everything that the server can tell again.
func (c *cache) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.folders, c.spaces = nil, nil
	if c.chosen == nil {
		c.chosen = map[mail.Role]string{}
	}
	c.mirrors, c.broken = map[string]*mirror{}, map[rowKey]int{}
	c.rows, c.recent = map[rowKey]*list.Element{}, list.New()
	c.charge(-c.bytes)
	c.weigh()
}

// charge counts bytes here and for the whole Pool. It needs c.mu.
func (c *cache) charge(n int) {
	c.bytes += n
	c.count(n)
}

func (c *cache) folderList(age time.Duration) ([]mail.Folder, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.folders == nil || time.Since(c.listedAt) > age {
		return nil, false
	}
	return slices.Clone(c.folders), true
}

// folderNames is the last list of folders, however old; nil: there is none.
func (c *cache) folderNames() []mail.Folder {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.folders)
}

// dropFolders forgets the list: one of it is not there any more.
func (c *cache) dropFolders() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.folders = nil
	c.changes++
}

// sameFolder reports whether nothing speaks against a folder being the one that
// was selected at a time: a later list would tell another UIDVALIDITY.
func (c *cache) sameFolder(folder string, validity uint32, since time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.listedAt.After(since) {
		return true
	}
	for _, f := range c.folders {
		if f.Name == folder {
			return !f.Counted || f.Validity == validity
		}
	}
	return true
}

// setFolders keeps a list that was asked for when changes had the given count.
func (c *cache) setFolders(l []mail.Folder, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.folders, c.listedAt = slices.Clone(l), time.Now()
	if changes != c.changes {
		c.listedAt = time.Time{}
	}
}

// forgetFolders makes the next Folders ask: our own changes have moved counts.
func (c *cache) forgetFolders() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listedAt = time.Time{}
	c.changes++
}

// outdate makes a list of folders that is on its way count as old: a change of
// our own has overtaken it. The one that is here has been corrected.
func (c *cache) outdate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
}

// recount stores what opening a folder has told about it.
func (c *cache) recount(f mail.Folder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.folders {
		if c.folders[i].Name == f.Name {
			c.folders[i] = f
		}
	}
}

func (c *cache) namespaces() (spaces, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spaces == nil {
		return spaces{}, false
	}
	return *c.spaces, true
}

func (c *cache) setNamespaces(sp spaces) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spaces = &sp
}

func (c *cache) chosenRoles() map[mail.Role]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.chosen)
}

func (c *cache) chooseRole(r mail.Role, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chosen[r] = name
}

// row returns a copy, so that nobody writes to what others read.
func (c *cache) row(k rowKey) (row, bool) {
	c.mu.Lock()
	e := c.rows[k]
	if e == nil {
		c.mu.Unlock()
		return row{}, false
	}
	c.recent.MoveToFront(e)
	p := e.Value.(*packed)
	c.mu.Unlock()
	return p.row(), true
}

func (c *cache) setRow(k rowKey, r row) {
	p := pack(k, &r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.rows[k]; old != nil {
		c.evict(old)
	}
	c.rows[k] = c.recent.PushFront(p)
	c.charge(p.cost())
	c.shrink(cacheBytes)
}

// shrink forgets the rows that were not used for longest. It needs c.mu.
func (c *cache) shrink(limit int) {
	for c.bytes > limit && c.recent.Len() > 1 {
		c.evict(c.recent.Back())
	}
}

// shed forgets the rows: the next page asks for its own again.
func (c *cache) shed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shrink(0)
}

// evict needs c.mu.
func (c *cache) evict(e *list.Element) {
	p := c.recent.Remove(e).(*packed)
	delete(c.rows, p.key)
	c.charge(-p.cost())
}

// forget drops everything about a folder. It needs c.mu.
func (c *cache) forget(folder string) {
	delete(c.mirrors, folder)
	for k, e := range c.rows {
		if k.folder == folder {
			c.evict(e)
		}
	}
	maps.DeleteFunc(c.broken, func(k rowKey, _ int) bool { return k.folder == folder })
}

func (c *cache) level(k rowKey) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken[k]
}

func (c *cache) setLevel(k rowKey, level int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const limit = 10000
	if len(c.broken) < limit {
		c.broken[k] = level
	}
}

// flight is one LIST on its way, which all who ask meanwhile share.
type flight struct {
	done    chan struct{}
	changes int // of the cache when it was sent
	folders []mail.Folder
	err     error
}

// share runs ask, or waits for the one that runs already. When that one fails
// because its own request was cancelled, the waiting ones ask for themselves.
func (s *Session) share(ctx context.Context, op string, out *[]mail.Folder, ask func(context.Context, int) ([]mail.Folder, error)) error {
	for {
		s.cache.mu.Lock()
		f := s.cache.flight
		if f == nil || f.changes != s.cache.changes {
			f = &flight{done: make(chan struct{}), changes: s.cache.changes}
			s.cache.flight = f
			s.cache.mu.Unlock()
			defer func() {
				s.cache.mu.Lock()
				if s.cache.flight == f {
					s.cache.flight = nil
				}
				s.cache.mu.Unlock()
				close(f.done)
			}()
			f.folders, f.err = ask(ctx, f.changes)
			*out = slices.Clone(f.folders)
			return f.err
		}
		s.cache.mu.Unlock()
		select {
		case <-ctx.Done():
			return contextFault(op, ctx.Err())
		case <-f.done:
		}
		if f.err == nil {
			*out = slices.Clone(f.folders)
			return nil
		}
		if ctx.Err() == nil && mail.KindOf(f.err) != mail.Dropped && mail.KindOf(f.err) != mail.Busy {
			return f.err
		}
	}
}
