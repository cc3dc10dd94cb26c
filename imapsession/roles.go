package imapsession

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"oriel/mail"
)

// roleOrder is the order of roles in the folder list.
var roleOrder = []mail.Role{mail.Inbox, mail.Drafts, mail.Sent, mail.Archive, mail.Junk, mail.Trash}

// roleNames are names that mail programs give their folders, the most likely
// first, for servers without SPECIAL-USE. They are compared in lower case.
var roleNames = map[mail.Role][]string{
	mail.Drafts: {"drafts", "draft", "entwürfe", "entwurf", "brouillons", "borradores", "bozze", "concepten", "rascunhos",
		"kopie robocze", "szkice", "robocze", "utkast", "kladder", "luonnokset", "черновики", "下書き", "草稿", "草稿箱", "taslaklar", "koncepty", "임시보관함", "piszkozatok"},
	mail.Sent: {"sent", "sent items", "sent messages", "sent mail", "gesendet", "gesendete objekte", "gesendete elemente", "gesendete nachrichten",
		"envoyés", "éléments envoyés", "messages envoyés", "enviados", "elementos enviados", "mensajes enviados", "inviata", "posta inviata", "inviati",
		"verzonden", "verzonden items", "verzonden berichten", "itens enviados", "wysłane", "elementy wysłane", "skickat", "skickade", "skickade objekt",
		"sendt", "sendt post", "sendte elementer", "lähetetyt", "отправленные", "送信済み", "送信済みアイテム", "送信済みトレイ", "已发送", "已发送邮件", "寄件備份", "已傳送", "gönderilmiş öğeler", "gönderilenler", "gönderilmiş", "odeslané", "보낸편지함", "elküldött"},
	mail.Archive: {"archive", "archives", "archiv", "archivo", "archivio", "archief", "arquivo", "archiwum", "arkiv", "arkisto", "архив", "アーカイブ", "归档", "存档", "封存", "arşiv", "보관함", "archív"},
	mail.Junk: {"junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "spamverdacht", "junk-e-mail", "unerwünscht", "courrier indésirable", "indésirables", "pourriel",
		"correo no deseado", "no deseado", "posta indesiderata", "indesiderata", "ongewenste e-mail", "ongewenst", "lixo eletrônico", "lixo electrónico",
		"wiadomości-śmieci", "niechciane", "skräppost", "skräp", "uønsket post", "uønsket", "søppelpost", "roskaposti", "спам", "нежелательная почта", "迷惑メール", "垃圾邮件", "垃圾郵件", "önemsiz", "istenmeyen", "nevyžádaná pošta", "스팸편지함", "levélszemét"},
	mail.Trash: {"trash", "deleted items", "deleted messages", "deleted", "bin", "papierkorb", "gelöschte objekte", "gelöschte elemente", "gelöscht", "corbeille", "éléments supprimés",
		"papelera", "elementos eliminados", "cestino", "posta eliminata", "prullenbak", "verwijderde items", "lixeira", "lixo", "itens excluídos", "kosz", "elementy usunięte",
		"papperskorgen", "papperskorg", "borttaget", "papirkurv", "slettet post", "papirkurven", "søppel", "slettede elementer", "roskakori", "poistetut",
		"корзина", "удаленные", "удалённые", "ごみ箱", "ゴミ箱", "削除済みアイテム", "已删除", "已删除邮件", "垃圾箱", "刪除的郵件", "垃圾桶", "çöp kutusu", "çöp", "silinmiş öğeler", "koš", "휴지통", "lomtár", "törölt elemek"},
}

// defaultName is what CreateRole calls a folder.
var defaultName = map[mail.Role]string{mail.Drafts: "Drafts", mail.Sent: "Sent", mail.Archive: "Archive", mail.Junk: "Junk", mail.Trash: "Trash"}

// attribute is the SPECIAL-USE attribute of a role (RFC 6154 section 2).
var attribute = map[mail.Role]imap.MailboxAttr{
	mail.Drafts: imap.MailboxAttrDrafts, mail.Sent: imap.MailboxAttrSent, mail.Archive: imap.MailboxAttrArchive,
	mail.Junk: imap.MailboxAttrJunk, mail.Trash: imap.MailboxAttrTrash,
}

// listed is a folder and the attributes the server gave it.
type listed struct {
	mail.Folder
	attrs    []imap.MailboxAttr
	personal bool
}

func (l listed) has(a imap.MailboxAttr) bool {
	for _, have := range l.attrs {
		if strings.EqualFold(string(have), string(a)) {
			return true
		}
	}
	return false
}

// assignRoles gives each role to at most one folder: by the user's own choice,
// by attribute, else by name.
func assignRoles(folders []listed, chosen map[mail.Role]string) {
	set := func(r mail.Role, is func(l listed) bool) bool {
		for i := range folders {
			if f := &folders[i]; f.Role == "" && !f.NoSelect && is(*f) {
				f.Role = r
				return true
			}
		}
		return false
	}
	set(mail.Inbox, func(l listed) bool { return l.Name == "INBOX" })
	open := map[mail.Role]bool{}
	for _, r := range roleOrder[1:] {
		open[r] = !set(r, func(l listed) bool { return chosen[r] != "" && l.Name == chosen[r] }) &&
			!set(r, func(l listed) bool { return l.has(attribute[r]) })
	}
	// Gmail archives by leaving a message in \All alone.
	if open[mail.Archive] && set(mail.Archive, func(l listed) bool { return l.has(imap.MailboxAttrAll) }) {
		open[mail.Archive] = false
	}
	for _, r := range roleOrder[1:] {
		for _, name := range roleNames[r] {
			if open[r] && set(r, func(l listed) bool { return l.personal && named(l, name) }) {
				open[r] = false
			}
		}
	}
}

// named compares a folder at the top of the personal namespace, or right under
// INBOX, with a lower-case name.
func named(l listed, name string) bool {
	path := l.Path()
	switch {
	case len(path) == 1:
		return strings.ToLower(path[0]) == name
	case len(path) == 2 && path[0] == "INBOX":
		return strings.ToLower(path[1]) == name
	}
	return false
}
