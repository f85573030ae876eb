package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/gateway/verp"
)

func verpFamily(g *globals) *cobra.Command {
	return family("verp", "Reverse-paths that name the member (VERP)", verpEncode(g), verpDecode(g), verpRotate(g))
}

// verpFacts are what a reverse-path says.
type verpFacts struct {
	Address string `json:"address"`
	List    string `json:"list"`
	Member  string `json:"member"`
	Message string `json:"message"`
	Form    string `json:"form"`
	Probe   bool   `json:"probe"`
}

func verpEncode(g *globals) *cobra.Command {
	var message string
	c := &cobra.Command{
		Use: "encode LIST MEMBER", Short: "Make the reverse-path of a member's copy", Args: cobra.ExactArgs(2),
		Long: "Makes the reverse-path of a member's copy, signed with state_dir/verp.key. That file is made if\n" +
			"it does not exist.",
		Example: "  mmgw verp encode --message 6wk81xjz00 announce@lists.example.com anne@example.com",
		RunE: func(c *cobra.Command, args []string) error {
			member, err := gateway.ParseForwardPath(args[1])
			if err != nil {
				return err
			}
			id := gateway.NextQueueID(0, time.Now())
			if message != "" {
				if id, err = gateway.ParseQueueID(message); err != nil {
					return failure(admin.ExitData, "%v", err)
				}
			}
			return g.withCodec(c, args[0], func(codec *verp.Codec, list *gateway.List) error {
				path, form := codec.Encode(list, member, id)
				facts := verpFacts{Address: string(path), List: string(list.Address), Member: string(member), Message: id.String(), Form: string(form)}
				return g.show(c, facts, func(w io.Writer) { fmt.Fprintln(w, path.Local()+"@"+path.Domain()) })
			})
		},
	}
	c.Flags().StringVar(&message, "message", "", "the queue `id` of the message (default a new one)")
	return c
}

func verpDecode(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "decode ADDR", Short: "Show whom a reverse-path names; exit 65 if it cannot be believed", Args: cobra.ExactArgs(1),
		Example: "  mmgw verp decode announce-bounces+anne=example.com@lists.example.com",
		RunE: func(c *cobra.Command, args []string) error {
			path, err := gateway.ParseForwardPath(args[0])
			if err != nil {
				return err
			}
			cfg, err := g.load()
			if err != nil {
				return err
			}
			address, detail, ok := (&verp.Codec{Delimiter: cfg.VERP.Delimiter}).Split(path)
			if !ok {
				return failure(admin.ExitData, "%s is not a -bounces address", path)
			}
			return g.withCodec(c, string(address), func(codec *verp.Codec, list *gateway.List) error {
				decoded, err := codec.Decode(list, detail, time.Now())
				if err != nil {
					return decodeFailure(path, err)
				}
				return g.showDecoded(c, path, list, decoded)
			})
		},
	}
}

func decodeFailure(path gateway.ForwardPath, err error) error {
	for _, told := range []error{verp.ErrMalformed, verp.ErrForged, verp.ErrUnsigned, verp.ErrUnknownMember} {
		if errors.Is(err, told) {
			return failure(admin.ExitData, "%s: %v", path, err)
		}
	}
	return err
}

func (g *globals) showDecoded(c *cobra.Command, path gateway.ForwardPath, list *gateway.List, d verp.Decoded) error {
	facts := verpFacts{Address: string(path), List: string(list.Address), Member: string(d.Member), Form: string(d.Form), Probe: d.Probe}
	if d.Message != 0 {
		facts.Message = d.Message.String()
	}
	return g.show(c, facts, func(w io.Writer) {
		pairs(w, "list", facts.List, "member", facts.Member, "message", facts.Message, "form", facts.Form)
		if facts.Probe {
			fmt.Fprintln(w, "it is the reverse-path of a probe")
		}
	})
}

func verpRotate(g *globals) *cobra.Command {
	believed := config.FormatDuration(verp.BelievedFor)
	c := &cobra.Command{
		Use: "rotate", Short: "Sign reverse-paths with a new key", Args: cobra.NoArgs,
		Long: "Signs reverse-paths with a new key from now on. Bounces under the old key are still believed\n" +
			"for --believed; with 0 they are not, which is for a key that leaked.",
		Example: "  mmgw verp rotate\n  mmgw verp rotate --believed 0",
		RunE: func(c *cobra.Command, _ []string) error {
			var keys server.VERPKeys
			if err := g.call(c, "verp.rotate", server.VERPRotation{Believed: believed}, &keys); err != nil {
				return err
			}
			return g.show(c, keys, func(w io.Writer) {
				fmt.Fprintln(w, "a new key signs")
				for _, k := range keys.Believed {
					fmt.Fprintln(w, "another one is believed until", k.Until.Format(time.RFC3339))
				}
			})
		},
	}
	c.Flags().StringVar(&believed, "believed", believed, "how long the old key is believed, as a `duration`")
	return c
}

// withCodec calls do with the codec for the reverse-paths of a list.
func (g *globals) withCodec(c *cobra.Command, list string, do func(*verp.Codec, *gateway.List) error) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	return g.withGateway(c, func(call gatewayCall) error {
		found, err := findList(cfg, call, list)
		if err != nil {
			return err
		}
		keys, err := verpKeys(cfg)
		if err != nil {
			return failure(admin.ExitCantCreate, "%v", err)
		}
		codec := &verp.Codec{
			Delimiter: cfg.VERP.Delimiter, Format: verp.Form(cfg.VERP.Format), Keys: keys, AcceptMailman: cfg.VERP.AcceptMailman,
		}
		codec.Directory = directory{call, codec}
		return do(codec, found)
	})
}

// verpKeys reads the keys, and makes the first one if there is none: reverse-paths can be
// made before the gateway has ever run.
func verpKeys(cfg *config.Config) ([]verp.Key, error) {
	if err := os.MkdirAll(cfg.StateDir, 0o711); err != nil {
		return nil, err
	}
	return verp.LoadOrCreateKeys(filepath.Join(cfg.StateDir, "verp.key"))
}

// findList looks for a list in the configuration first, and then in the gateway.
func findList(cfg *config.Config, call gatewayCall, name string) (*gateway.List, error) {
	path, err := gateway.ParseForwardPath(name)
	if err != nil {
		return nil, err
	}
	for i := range cfg.Lists {
		if cfg.Lists[i].Address.Key() == path.Key() {
			return &cfg.Lists[i].List, nil
		}
	}
	var row server.ListRow
	if err := call("list.show", server.ListName{List: name}, &row); err != nil {
		return nil, err
	}
	return &gateway.List{ID: gateway.ListID(row.ID), Address: gateway.ForwardPath(row.Address)}, nil
}

// directory finds the members of opaque reverse-paths, by comparing all members of a list.
type directory struct {
	call  gatewayCall
	codec *verp.Codec
}

// MemberByToken implements verp.Directory.
func (d directory) MemberByToken(list gateway.ListID, token string) (gateway.ForwardPath, error) {
	var found gateway.ForwardPath
	err := members(d.call, string(list), func(page []server.MemberRow) error {
		for _, m := range page {
			if d.codec.StandsFor(list, gateway.ForwardPath(m.Address), token) {
				found = gateway.ForwardPath(m.Address)
			}
		}
		return nil
	})
	if err == nil && found == "" {
		err = verp.ErrUnknownMember
	}
	return found, err
}
