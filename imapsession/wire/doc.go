// Package wire stands between a network connection and go-imap's client. It is
// a net.Conn that sees IMAP in the clear (TLS is below it) and lets through only
// what the client can digest.
//
// The client ends the whole connection at the first response it cannot parse,
// has no limits and no usable deadlines, and takes a literal cut short for a
// complete one. So every response is read here first, checked, and written anew
// in the narrow form that the client is known to accept: unknown responses,
// codes and FETCH items vanish, wrong values are repaired where the meaning is
// plain and dropped where it is not. What a caller asked for and did not get
// (an ENVELOPE that nobody can read) is simply missing from the row.
//
// What the client has no place for is handed to Options.Note instead: alerts, the
// reason of a BYE, VANISHED, the codes MODIFIED and HIGHESTMODSEQ, and the FETCH
// and STATUS responses that no command of ours has asked for. The latter do not
// reach the client at all, because it may take one for the answer to a command
// that it is about to send. ENABLED is read here and does not reach it either.
//
// In the other direction the wire says what the client cannot: see Preview,
// Conn.Replace and Conn.QResync.
//
// Responses that Oriel never asks for are dropped like unknown ones: LSUB, ID,
// THREAD, METADATA, QUOTA, QUOTAROOT, ACL and MYRIGHTS. Whoever adds a feature
// that needs one adds its normal form here.
package wire
