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
// Responses that Oriel never asks for are dropped like unknown ones: LSUB, ID,
// VANISHED, THREAD, METADATA, QUOTA, QUOTAROOT, ACL and MYRIGHTS. Whoever adds
// a feature that needs one adds its normal form here.
package wire
