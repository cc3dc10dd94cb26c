// Package imapsession is the only part of Oriel that speaks IMAP: it holds the
// connections of the signed-in users and answers in the types of package mail.
package imapsession
