// Package decode turns the bytes of mail into text: header fields, dates, file
// names, transfer encodings, charsets, and the short previews of a list.
//
// Mail is hostile and broken, so nothing here fails: every function gives the
// best reading there is, in linear time and bounded memory. What it returns is
// always valid UTF-8 without NUL. It does no I/O of its own and knows neither
// IMAP nor HTTP.
package decode
