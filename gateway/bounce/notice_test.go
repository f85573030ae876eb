package bounce_test

import (
	"testing"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/bounce"
)

// One message a wording family: what mail systems write that follow no format.
func TestNotices(t *testing.T) {
	const system = "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nTo: list-bounces@example.org\nSubject: Undelivered Mail\n\n"
	for name, c := range map[string]struct{ text, want string }{
		"an address before a reply":       {system + "I could not be delivered.\n\n<a@b.example>: host mx said:\n    550 5.1.1 no (in reply to RCPT TO command)\n", "a@b.example failed 5.1.1 hard"},
		"bullets":                         {system + "Delivery to the following recipients failed:\n   * a@b.example\n\n   SMTP:RCPT host x: 553 5.3.0 No such user here\n", "a@b.example failed 5.1.1 hard"},
		"behind a label":                  {system + "Could not be delivered to: <a@b.example>\nAs their mailbox is full.\n", "a@b.example failed 5.2.2 full"},
		"in a sentence":                   {system + "There was an error delivering your mail to <a@b.example>.\nmx did not like our RCPT TO:\n550 5.1.1 unknown\n", "a@b.example failed 5.1.1 hard"},
		"quotes":                          {system + "The following address failed and was not delivered:\n\"a@b.example\":\n5.2.2 Mailbox Full\n", "a@b.example failed 5.2.2 full"},
		"two of them":                     {system + "Unable to deliver message to the following address(es).\n\n<a@b.example>:\n550 5.1.1 unknown\n\n<c@d.example>:\nmailbox full\n", "a@b.example failed 5.1.1 hard, c@d.example failed 5.2.2 full"},
		"a transcript":                    {system + "   ----- Transcript of session follows -----\n554 <a@b.example>... 550 Host unknown\n250 x\n", "a@b.example failed 5.1.2 hard"},
		"a filter's answer":               {system + "It was not delivered:\n<a@b.example>: host mx said: 550 unknown user (in reply to end of DATA command)\n", "a@b.example failed 5.1.1 soft"},
		"a domain that Exim cannot route": {system + "The following address(es) failed:\n\n  a@b.example\n    unrouteable mail domain \"b.example\"\n", "a@b.example failed 4.4.3 soft"},
		"a local part that Exim repeats":  {system + "The following address(es) failed:\n\n  a@b.example\n    unknown local-part \"a\" in domain \"b.example\"\n", "a@b.example failed 5.1.1 soft"},
		"a page with a head":              {"From: postmaster@x.example\nContent-Type: text/html\nSubject: Undeliverable: hi\n\n<HTML><HEAD><TITLE>hi</TITLE>\n<style>p { x: y }</style></HEAD>\n<BODY>\n<P><FONT SIZE=2>Your message did not reach:<BR>\na&#64;b.example on Monday<BR>\n&nbsp;The recipient name is not recognized<BR>\n</FONT></BODY></HTML>\n", "a@b.example failed 5.1.1 hard"},
		"empty lines in front":            {"\n \n" + system + "It was not delivered:\n<a@b.example>: 550 5.1.1 no\n", "a@b.example failed 5.1.1 hard"},
		"an address of X.400":             {system + "Your message did not reach the following recipient(s):\n\nc=US;a= ;p=X;dda:SMTP=a@b.example; on Monday\n    The recipient name is not recognized\n", "a@b.example failed 5.1.1 hard"},
		"an alias that hides its target":  {system + "The following address(es) failed and were not delivered:\n\n  an undisclosed address\n    (generated from a@b.example)\n", "a@b.example failed  soft"},
		"from one to the other":           {system + "Your mail from c@d.example to a@b.example could not be delivered: mailbox full\n", "a@b.example failed 5.2.2 full"},
		"whom to ask":                     {system + "It was not delivered:\n<a@b.example>: 550 5.1.1 no\n\nIf you need help, write to\n<postmaster@x.example>\n", "a@b.example failed 5.1.1 hard"},
		"nothing but its fields":          {system + "I wasn't able to deliver the following message.\nThis is a permanent error.\n\nSubject: hi\nTo: a@b.example\n\n--- Below this line is a copy of the message.\n", "a@b.example failed  soft"},
		"a report that lost its fields":   {"Subject: hi\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nA message could not be delivered to:\na@b.example\nThere is no mailbox of that name.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: x.example\n--b--\n", "a@b.example failed 5.1.1 hard"},
		"a report that is passed on":      {"From: MAILER-DAEMON@x.example\nSubject: Returned mail\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nThe mail could not be delivered:\n\n--b\nContent-Type: message/rfc822\n\nFrom: postmaster@y.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=c\n\n--c\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n--c--\n--b--\n", "a@b.example failed 5.1.1 hard"},
		"a report that a person has":      {"From: MAILER-DAEMON@x.example\nSubject: Returned mail\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nThe mail could not be delivered:\n\n--b\nContent-Type: message/rfc822\n\nFrom: anne@y.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=c\n\n--c\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n--c--\n--b--\n", " failed  soft"},
		"a greeting":                      {system + "anne@x.example 様\nDear c@d.example,\n\nyour mail could not be delivered to a@b.example: mailbox full\n", "a@b.example failed 5.2.2 full"},
		"the name of a file":              {system + "It was not delivered:\n<a@b.example>: mailbox full\n/home/anne/a@b.example: no such file\n", "a@b.example failed 5.2.2 full"},
		"a statement in two lines":        {system + "Your message could not\nbe delivered.\n\n<a@b.example>: temporary failure\n", "a@b.example failed  soft"},
		"the list that the post went to":  {system + "The mailbox is full; it was not delivered.\n--- Below this line is a copy\n\nFrom: c@d.example\nTo: list@example.org\nList-Post: <mailto:list@example.org>\n\nhi\n", " failed 5.2.2 full"},
		"a reply to nobody knows what":    {system + "It was not delivered:\n<a@b.example>: host mx said: 550 no such user\n", "a@b.example failed 5.1.1 soft"},
		"DMARC":                           {system + "It was not delivered:\n<a@b.example>: 550 5.7.26 DMARC policy\n", "a@b.example failed 5.7.26 policy"},
		"a delay":                         {system + "Warning: your message has not yet been delivered to\n  a@b.example\n    Connection refused\nDelivery attempts will continue.\n", "a@b.example delayed 4.4.7 soft"},
		"fields in a text":                {system + "It was not delivered.\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1 x\n", "a@b.example failed 5.1.1 hard"},
		"the message that returned":       {system + "   ----- Transcript of session follows -----\n421 b.example... Deferred: Connection timed out\n   ----- Unsent message follows -----\nReceived: by x\nTo: a@b.example\nSubject: x\n", "a@b.example failed 4.4.7 soft"},
		"not behind the mark":             {system + "It was not delivered to <a@b.example>: 550 5.1.1 x\n--- Below this line is a copy\n\nTo: c@d.example\n<e@f.example>: 550\n", "a@b.example failed 5.1.1 hard"},
		"whose message it was":            {system + "It was not delivered:\n<a@b.example>: 550 5.1.1 unknown\n<c@d.example>: the sender\n--- Below this line is a copy\n\nReturn-Path: <c@d.example>\nTo: a@b.example\n", "a@b.example failed 5.1.1 hard"},
		"an author without name":          {"From: <>\nSubject: failure notice\n\nNot delivered:\na@b.example: unknown user: a\n", "a@b.example failed 5.1.1 hard"},
		"HTML":                            {"From: postmaster@x.example\nContent-Type: text/html\nSubject: Undeliverable: hi\n\n<p>Delivery has failed to these recipients:</p><div>&lt;a@b.example&gt;<br>550 5.1.1 not found</div>", "a@b.example failed 5.1.1 hard"},
		"an author in front":              {system + "A message sent by\n\n  <c@d.example>\n\ncould not be delivered. The following\naddress(es) failed:\n\n  a@b.example\n    all hosts have been failing\n", "a@b.example failed 4.4.7 soft"},
		"a report without MIME":           {system + "--b\n\n   ----- The following addresses had permanent fatal errors -----\nanne\n\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: RFC822; a@b.example\nAction: failed\nStatus: 5.1.1\n", "a@b.example failed 5.1.1 hard"},
		"words beside the fields":         {"From: postmaster@x.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nIt was not delivered:\n<a@b.example>: the mailbox is full\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 see https://x.example/7\n--b--\n", "a@b.example failed 5.2.2 full"},
		"the truth in front":              {system + "It was not delivered.\nThe user(s) account is disabled.\n\n<a@b.example>: 550 user unknown (in reply to RCPT TO command)\n", "a@b.example failed 5.2.1 soft"},
		"what may be in front":            {system + "It was not delivered: the account may be disabled, or the user unknown.\n\n<a@b.example>: 550 user unknown (in reply to RCPT TO command)\n", "a@b.example failed 5.1.1 hard"},
		"commands of a transcript":        {system + "   ----- Transcript of session follows -----\n>>> DATA\n<<< 550 x\n550 <a@b.example>... User unknown\n>>> RCPT To:<c@d.example>\n<<< 550 y\n550 <c@d.example>... User unknown\n", "a@b.example failed 5.1.1 soft, c@d.example failed 5.1.1 hard"},
		"another apostrophe":              {system + "Your message wasn\u2019t delivered to <a@b.example> because the address couldn\u2019t be found.\n", "a@b.example failed 5.1.1 hard"},
		"another language":                {system + "Votre message n'a pas été remis.\n\n<a@b.example>: 550 Destinataire inconnu (in reply to RCPT TO command)\n", "a@b.example failed 5.1.1 hard"},
		"in ISO-2022-JP":                  {"From: postmaster@x.example\nContent-Type: text/plain; charset=ISO-2022-JP\nSubject: =?ISO-2022-JP?B?GyRCQXc/LiUoJWkhPBsoQg==?=\n\n\x1b$B<!$N08@h$KAw?.$G$-$^$;$s$G$7$?!#\x1b(B\n\na@b.example\n  \x1b$B%a!<%k%\x5c%C%/%9$,$$$C$Q$$$G$9!#\x1b(B\n", "a@b.example failed 5.2.2 full"},
		"in KOI8-R":                       {"From: postmaster@x.example\nContent-Type: text/plain; charset=\"koi8-r\"\n\n\xf0\xc9\xd3\xd8\xcd\xcf \xce\xc5 \xc4\xcf\xd3\xd4\xc1\xd7\xcc\xc5\xce\xcf.\n\n<a@b.example>: 550 \xd0\xcf\xde\xd4\xcf\xd7\xd9\xca \xd1\xdd\xc9\xcb \xd0\xc5\xd2\xc5\xd0\xcf\xcc\xce\xc5\xce\n", "a@b.example failed 5.2.2 full"},
		"broken quoted-printable":         {"From: postmaster@x.example\nContent-Transfer-Encoding: quoted-printable\nSubject: Undeliverable: hi\n\nIt was not delivered: a =3D b, a = b\n<a@b.ex=\nample>: 552 mailbox f=75ll\n", "a@b.example failed 5.2.2 full"},
		"no contact":                      {system + "It was not delivered. Please contact <help@x.example>.\n", ""},
		"nobody named":                    {system + "It was not delivered.\n", ""},
		"no statement":                    {"From: postmaster@x.example\n\nHello a@b.example, the disk is new.\n", ""},
		"a person":                        {"From: anne@x.example\nSubject: Re: returned mail\n\nMy mail to <a@b.example> was not delivered: 550 5.1.1 unknown\n", ""},
		"a parcel":                        {"From: no-reply@parcels.example\nSubject: Delivery failed\n\nYour parcel was not delivered today. We come again on Monday.\nE-mail: a@b.example\n", ""},
		"passed on":                       {"From: MAILER-DAEMON@x.example\nSubject: Fwd: failure notice\n\nNot delivered:\n<a@b.example>: 550\n", ""},
		"a boundary is missing":           {"From: MAILER-DAEMON@x.example\nContent-Type: multipart/report\n\nNot delivered:\n<a@b.example>: 550\n", ""},
	} {
		if got := findings(t, c.text); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

// The address that an alias was made of is the member's: a list looks for it first.
func TestAliases(t *testing.T) {
	const system = "From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail\n"
	for name, text := range map[string]string{
		"Sendmail": system + "\n   ----- The following addresses had permanent fatal errors -----\n<a@home.example>\n    (reason: 550 5.1.1 User unknown)\n    (expanded from: <a@b.example>)\n",
		"Exim":     system + "\nThe following address(es) failed and were not delivered:\n\n  a@home.example\n    (ultimately generated from a@b.example)\n    550 5.1.1 User unknown\n",
		"a report": system + "Content-Type: multipart/report; boundary=b\n\n--b\n\n<a@home.example> (expanded from <a@b.example>): 550 5.1.1 User unknown\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@home.example\nAction: failed\nStatus: 5.1.1\n--b--\n",
	} {
		finding, err := bounce.Inspect(gateway.Bytes(text))
		if err != nil || len(finding.Recipients) != 1 {
			t.Fatalf("%s: %+v, %v", name, finding, err)
		}
		if one := finding.Recipients[0]; one.Address != "a@home.example" || one.Original != "a@b.example" || one.Class != bounce.Hard {
			t.Errorf("%s: %+v", name, one)
		}
	}
}

// Complaints name whom they are of, and are told from other feedback (RFC 5965).
func TestFeedback(t *testing.T) {
	const form = "From: fbl@x.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nA report.\n--b\nContent-Type: message/feedback-report\n\n"
	const returned = "--b\nContent-Type: message/rfc822\n\nFrom: l@y.example\nTo: a@b.example\n\nhi\n--b--\n"
	for name, c := range map[string]struct{ text, want string }{
		"by a field":             {form + "Feedback-Type: abuse\nOriginal-Rcpt-To: <a@b.example>\n" + returned, `{"bounce":true,"complaint":true,"recipients":[{"address":"a@b.example","action":"","status":"","class":"policy"}]}`},
		"by what came back":      {form + "Feedback-Type: abuse\n" + returned, `{"bounce":true,"complaint":true,"recipients":[{"address":"a@b.example","action":"","status":"","class":"policy"}]}`},
		"of nobody":              {form + "Feedback-Type: abuse\n--b--\n", `{"bounce":true,"complaint":true,"recipients":[]}`},
		"authentication failure": {form + "Feedback-Type: auth-failure\nOriginal-Rcpt-To: a@b.example\n--b--\n", `{"bounce":true,"recipients":[{"address":"a@b.example","action":"","status":"","class":"policy"}]}`},
		"in a notification": {"From: x@sns.example\n\n{\"notificationType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":[{\"emailAddress\":\"a@b.example\"}]}}\n",
			`{"bounce":true,"complaint":true,"recipients":[{"address":"a@b.example","action":"","status":"","class":"policy"}]}`},
		"a bounce in another's message": {"From: x@sns.example\n\n{\"Message\":\"{\\\"notificationType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bouncedRecipients\\\":[{\\\"emailAddress\\\":\\\"a@b.example\\\",\\\"action\\\":\\\"failed\\\",\\\"status\\\":\\\"5.1.1\\\"}]}}\"}\n",
			`{"bounce":true,"recipients":[{"address":"a@b.example","action":"failed","status":"5.1.1","class":"hard"}]}`},
		"a sub-type without a status": {"From: x@sns.example\n\n{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceSubType\":\"NoEmail\",\"bouncedRecipients\":[{\"emailAddress\":\"a@b.example\"}]}}\n",
			`{"bounce":true,"recipients":[{"address":"a@b.example","action":"failed","status":"5.1.1","class":"hard"}]}`},
		"JSON of another kind": {"From: x@sns.example\n\n{\"notificationType\":\"Delivery\"}\n", `{"bounce":false,"recipients":[]}`},
	} {
		if got := inspect(t, c.text); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
	}
}
