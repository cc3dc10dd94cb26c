package mail

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestFolderPath(t *testing.T) {
	for _, c := range []struct {
		folder Folder
		want   []string
	}{
		{Folder{Name: "INBOX", Delimiter: "/"}, []string{"INBOX"}},
		{Folder{Name: "Work/Plans", Delimiter: "/"}, []string{"Work", "Plans"}},
		{Folder{Name: "Work/Plans"}, []string{"Work/Plans"}},
		{Folder{Name: "INBOX.Work.Plans", Delimiter: ".", Prefix: "INBOX."}, []string{"Work", "Plans"}},
		{Folder{Name: "INBOX", Delimiter: ".", Prefix: "INBOX."}, []string{"INBOX"}},
		{Folder{Name: "INBOX.", Delimiter: ".", Prefix: "INBOX."}, []string{"INBOX", ""}},
		{Folder{Name: "Other.Work", Delimiter: ".", Prefix: "INBOX."}, []string{"Other", "Work"}},
		{Folder{Name: "Entwürfe/ä", Delimiter: "/"}, []string{"Entwürfe", "ä"}},
	} {
		got := c.folder.Path()
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: Path = %q, want %q", c.folder, got, c.want)
		}
		if leaf := c.folder.Leaf(); leaf != c.want[len(c.want)-1] {
			t.Errorf("%+v: Leaf = %q", c.folder, leaf)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		role               Role
		destroys, outgoing bool
	}{
		{"", false, false}, {Inbox, false, false}, {Archive, false, false},
		{Drafts, false, true}, {Sent, false, true}, {Junk, true, false}, {Trash, true, false},
	} {
		if c.role.Destroys() != c.destroys || c.role.Outgoing() != c.outgoing {
			t.Errorf("%q: destroys %v, outgoing %v", c.role, c.role.Destroys(), c.role.Outgoing())
		}
	}
}

func TestListPositions(t *testing.T) {
	rows := func(n int) []Summary { return make([]Summary, n) }
	for _, c := range []struct {
		list        List
		first, last int
	}{
		{List{Page: 1}, 0, 0},
		{List{Page: 1, Rows: rows(3)}, 1, 3},
		{List{Page: 1, Rows: rows(PageSize)}, 1, 50},
		{List{Page: 3, Rows: rows(1)}, 101, 101},
	} {
		if c.list.First() != c.first || c.list.Last() != c.last {
			t.Errorf("page %d with %d rows: %d to %d, want %d to %d", c.list.Page, len(c.list.Rows),
				c.list.First(), c.list.Last(), c.first, c.last)
		}
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("connection reset")
	err := fmt.Errorf("list: %w", &Error{Kind: Dropped, Op: "fetch", Reason: "INBOX", Err: cause})
	if KindOf(err) != Dropped || !errors.Is(err, cause) {
		t.Errorf("kind %v of %v", KindOf(err), err)
	}
	if err.Error() != "list: fetch: INBOX: connection reset" {
		t.Errorf("text %q", err)
	}
	if KindOf(cause) != Internal || KindOf(nil) != Internal {
		t.Error("an unforeseen error is Internal")
	}
}
