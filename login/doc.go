// Package login keeps people signed in and makes guessing passwords slow. It is
// the only package that keeps a password longer than a request.
//
// # The session
//
// A sign-in makes two cookies and one file. The cookie "__Host-oriel" holds the
// signed id of the session, "__Host-oriel-key" 32 random bytes. The file holds
// a record: user, server, time of the sign-in, and the password sealed with
// AES-256-GCM under the bytes of the second cookie, which the server does not
// keep. The file without the cookie and the cookie without the file give
// nothing; a restart of the program ends no session.
//
// The store is gorilla's FilesystemStore with these differences to its
// defaults: the record is JSON of one fixed struct instead of gob; ids are made
// here and checked before they become part of a file's name; and the time of
// last use is the file's modification time. That time changes once a minute
// without a rewrite of the record, so that neither a full disk nor a request
// that races with sign-out can destroy or revive a session.
//
// # Browsers and plain http
//
// Cookies are Secure unless Config.Insecure. Chromium and Firefox accept Secure
// cookies over plain http from the loopback names localhost, 127.0.0.1 and
// [::1]; Safari does not. Over plain http from any other name a browser drops
// them without a word, and signing in would end at the sign-in page again with
// no reason given. Handlers tell the user why:
//
//	GET  /login: Store.Probe sets a cookie with the same attributes.
//	POST /login: Store.Lost, before anything else. PlainHTTP or Blocked means
//	             that the session cookies would be lost too: show the sentence
//	             for it with status 400 and call Probe again, ask no mail server.
//
// # Order of a sign-in
//
//	Acceptable -> Lost -> Throttle.Allow -> Throttle.Enter -> mail server ->
//	leave -> Throttle.Failed, Succeeded or Abandoned -> Store.Begin
//
// Abandoned is for attempts that the mail server did not judge: it was away.
package login
