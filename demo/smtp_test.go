package demo

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-message"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func sendMail(t *testing.T, s *Server, from string, to []string, raw string) {
	t.Helper()
	c, err := smtp.Dial(s.SMTPAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", User, Password)); err != nil {
		t.Fatal(err)
	}
	if err := c.SendMail(from, to, strings.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Error(err)
	}
}

func TestMailArrives(t *testing.T) {
	s := empty(t, Options{})
	sendMail(t, s, UserAddress, []string{ColleagueAddress, "colleague@anywhere.example", "Demo@lindqvist.example"},
		"From: Mara <mara@lindqvist.example>\r\nTo: jonas@lindqvist.example\r\nSubject: =?utf-8?q?K=C3=A4se?=\r\n\r\n.\r\nHej\r\n")
	for _, user := range []string{Colleague, User} {
		c := signIn(t, s, user)
		if got := subjects(t, c, "INBOX"); len(got) != 1 || got[0] != "Käse" {
			t.Fatalf("INBOX of %s: %q, want the message once", user, got)
		}
		whole := &imap.FetchItemBodySection{Peek: true}
		messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		raw := messages[0].FindBodySection(whole)
		if len(messages[0].Flags) > 0 || !bytes.HasSuffix(raw, []byte("\r\n\r\n.\r\nHej\r\n")) || !bytes.HasPrefix(raw, []byte("Return-Path: <"+UserAddress+">\r\n")) {
			t.Errorf("%v %q", messages[0].Flags, raw)
		}
	}
}

// TestNothingLeaves checks the report about recipients outside of the demo.
func TestNothingLeaves(t *testing.T) {
	s := empty(t, Options{})
	sendMail(t, s, UserAddress, []string{"tomasz@wieczorek.example", ColleagueAddress},
		"From: mara@lindqvist.example\r\nSubject: Stair\r\nMessage-ID: <1@lindqvist.example>\r\n\r\nsecret text\r\n")
	c := signIn(t, s, User)
	if got := subjects(t, c, "INBOX"); len(got) != 1 {
		t.Fatalf("INBOX: %q, want one report", got)
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	e, err := message.Read(bytes.NewReader(messages[0].FindBodySection(whole)))
	if err != nil {
		t.Fatal(err)
	}
	if kind, params, err := e.Header.ContentType(); kind != "multipart/report" || params["report-type"] != "delivery-status" || err != nil {
		t.Errorf("%s %v %v", kind, params, err)
	}
	var all strings.Builder
	if _, err := io.Copy(&all, e.Body); err != nil {
		t.Fatal(err)
	}
	for want, times := range map[string]int{
		"Final-Recipient: rfc822; tomasz@wieczorek.example": 1,
		"Message-ID: <1@lindqvist.example>":                 1,
		"Final-Recipient: rfc822; jonas":                    0,
		"secret text":                                       0,
	} {
		if n := strings.Count(all.String(), want); n != times {
			t.Errorf("%q %d times, want %d", want, n, times)
		}
	}
}

func TestSubmissionNeedsAUser(t *testing.T) {
	s := empty(t, Options{})
	c, err := smtp.Dial(s.SMTPAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail("a@b.example", nil); err == nil {
		t.Error("MAIL worked without AUTH")
	}
	if err := c.Auth(sasl.NewPlainClient("", User, "wrong")); err == nil {
		t.Error("a wrong password was taken")
	}
	if err := c.Auth(sasl.NewLoginClient(Colleague, Password)); err != nil {
		t.Errorf("AUTH LOGIN: %v", err)
	}
	if err := c.Mail("a@b.example", nil); err != nil {
		t.Error(err)
	}
	if err := c.Rcpt("nobody", nil); err == nil {
		t.Error("an address without a domain was taken")
	}
}
