// Package demo is a mail server of its own, in memory and on loopback: IMAP and
// SMTP for two users, with a mailbox that somebody wrote for reading. It backs
// the demo command and the tests that need a server but no Dovecot.
//
// The mailbox belongs to Mara Lindqvist, a joiner who makes stairs and sash
// windows. Every person and every domain in it is invented, and all domains end
// in .example (RFC 2606), so that nothing in it can reach anybody.
package demo
