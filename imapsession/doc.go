// Package imapsession is the only part of Oriel that speaks IMAP: it holds the
// connections of the signed-in users and answers in the types of package mail.
//
// # Who owns what
//
// A Pool holds one Session for each user and password; several browsers of one
// user (owners, by the id of their login session) share it, each after a LOGIN
// of its own. A Session holds at most four connections. A connection belongs to
// exactly one goroutine at a time: borrow takes it out of the Session, giveBack
// returns it, and in between nobody else sends or reads on it. A lease ends
// clean, with no command outstanding, or the connection is closed; there is no
// third state. do (lease.go) is the way to a connection for everything but
// streams; a Part keeps its connection until it is read or closed.
//
// Requests for a connection are served first come, first served. One that has
// the wanted folder selected is preferred, then one with nothing selected, then
// a new one, then the least recently used. Streams and the watch never hold all
// of them.
//
// # What is remembered
//
// A mirror (mirror.go) is what a Session knows of one folder: the order of its
// messages, the flags of those that were listed, the number of unread ones. It is
// true as of a MODSEQ (RFC 7162) and changes by single facts: these are gone, this
// one is read. Any connection may add a fact, however old its own view of the
// folder is; a flag older than the known one is dropped, and what we have removed
// ourselves stays removed until the server has confirmed it elsewhere. Rows (what
// never changes about a message) are kept by last use, apart from the mirrors.
//
// sync (sync.go) brings a mirror up to date: NOOP, and if that announces anything
// one FETCH of what has changed since. No command of Oriel reads the flags or
// envelopes of a whole folder.
//
// # The watch
//
// While a page listens (Watch in watch.go), one goroutine (watcher.go) holds one
// connection with the folder that was listed last, in IDLE. An announcement leads
// to a look, at most four a second, and then to an event. Meanwhile the mirror of
// that folder is live: lists are made from it without a round trip. Changes of our
// own are written into the mirror and told at once. Other folders are told of by
// NOTIFY (RFC 5465) where there is one, and counted once a minute. Where the server
// gives no second connection, the watch looks now and then on the first.
//
// The Pool bounds what all users have together: connections, sign-ins a second
// (limits.go) and memory (budget.go). A dial waits for its turn and for a place;
// whatever ends a connection calls kill, which gives the place to the next.
//
// # Locks
//
// Pool.mu guards who owns which Session; Session.mu guards its lists of
// connections; cache.mu guards what it remembers. They are taken in that order
// and held for moments: never while something is dialled, sent or awaited.
// Orders are not changed once they are in a mirror, only replaced, and rows are
// copied, so that both are read without a lock. news.mu (watch.go), told.mu
// (told.go) and reads.mu (reads.go) are leaves: nothing is locked under them.
//
// # Goroutines
//
// Each Pool has one janitor, which ends what was idle for long: connections
// after three minutes (after a stream thirty seconds), caches after fifteen. A
// Session starts goroutines for saying good-bye, for the order of a large folder,
// for marks that follow their page, and for the watch; Pool.Close waits for them,
// for at most two seconds. go-imap runs one reader for each connection. What it
// calls (told.go) only counts and wakes.
//
// # What can go wrong
//
// The connection below go-imap is a wire.Conn: it has the time and size limits,
// and lets through only what go-imap can parse. A cancelled request may finish a
// small command for a moment; then, and for a stream at once, the connection is
// closed, which ends every wait on it. The socket is closed first, then the
// command, then the client: the other way round they wait for each other.
//
// Reading is repeated once when the connection turned out dead. A change is
// never sent twice blindly: after a break the messages are looked at again, and
// the Result says what is true, or the error's kind is mail.Unknown. An OK is no
// proof either: what counts is that a message is listed with its new flags, or
// named by COPYUID. UIDVALIDITY is compared after every SELECT before a UID is
// used, so that a UID never names another message than the one meant.
//
// A message that breaks the connection when it is read is found by halving and
// from then on asked for less: its header, then nothing (rows.go, broken.go).
//
// # Order
//
// Lists are ordered by arrival. The order of a folder is fetched once (SORT
// where offered, else UID order), kept with four bytes a message, and patched by
// what has changed, or by the set of UIDs. Only the first page of a large folder
// does not wait for it (index.go).
package imapsession
