package mail

import (
	"strconv"
	"strings"
)

// Ref names one message for ever: its folder, the UIDVALIDITY of that folder,
// and its UID (RFC 3501 section 2.3.1.1). When the server has changed the
// UIDVALIDITY since, the Ref names nothing any more, never another message.
type Ref struct {
	Folder   string
	Validity uint32
	UID      uint32
}

// ID is the message's part of a URL: "UIDVALIDITY.UID".
func (r Ref) ID() string {
	return strconv.FormatUint(uint64(r.Validity), 10) + "." + strconv.FormatUint(uint64(r.UID), 10)
}

// String is the folder's key and the ID, as in the data-msg mark of a row.
func (r Ref) String() string { return Key(r.Folder) + "/" + r.ID() }

// ParseID reads "UIDVALIDITY.UID". A bare "UID" is accepted with Validity 0:
// the caller looks the validity up and redirects.
func ParseID(folder, id string) (Ref, bool) {
	v, u, full := strings.Cut(id, ".")
	if !full {
		v, u = "", id
	}
	uid, err := parseNumber(u)
	if err != nil || uid == 0 {
		return Ref{}, false
	}
	r := Ref{Folder: folder, UID: uid}
	if full {
		if r.Validity, err = parseNumber(v); err != nil || r.Validity == 0 {
			return Ref{}, false
		}
	}
	return r, true
}

// ParseRef reads what Ref.String wrote. Both numbers must be there.
func ParseRef(s string) (Ref, bool) {
	key, id, ok := strings.Cut(s, "/")
	if !ok {
		return Ref{}, false
	}
	name, ok := ParseKey(key)
	if !ok {
		return Ref{}, false
	}
	r, ok := ParseID(name, id)
	return r, ok && r.Validity != 0
}

// parseNumber reads digits only: no sign, no leading zero, at most 32 bits, so
// that one message has one spelling.
func parseNumber(s string) (uint32, error) {
	if s == "" || s[0] < '0' || s[0] > '9' || (s[0] == '0' && len(s) > 1) {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}
