package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmgw/mmgw/gateway"
	"github.com/mmgw/mmgw/gateway/admin"
	"github.com/mmgw/mmgw/gateway/config"
	"github.com/mmgw/mmgw/gateway/server"
	"github.com/mmgw/mmgw/mta"
)

func mtaFamily(g *globals) *cobra.Command {
	return family("mta", "The files that tell the MTA about the lists", mtaDiff(g), mtaApply(g, "apply"), mtaCheck(g), mtaUndo(g), mtaShow(g))
}

// aliasesCommand is `mta apply` under GNU Mailman's name.
func aliasesCommand(g *globals) *cobra.Command { return mtaApply(g, "aliases") }

// rendered is the files of a configuration and the place for them.
type rendered struct {
	cfg   *config.Config
	tree  mta.Tree
	files []gateway.File
}

func dirFlag(c *cobra.Command) *string {
	return c.Flags().StringP("dir", "d", "", "the `directory` of the files (default mta in state_dir)")
}

// render renders the files for dir; "" is that of the configuration. Lists made at run time
// are included, whether the gateway runs or not.
func (g *globals) render(c *cobra.Command, dir string) (*rendered, error) {
	cfg, err := g.load()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = server.MTADir(cfg)
	} else if dir, err = filepath.Abs(dir); err != nil {
		return nil, failure(admin.ExitCantCreate, "%v", err)
	}
	files, err := server.RenderMTA(c.Context(), cfg, server.Env{Version: version(), Log: warnings(c)}, dir)
	if err != nil {
		return nil, mtaFailure(err)
	}
	return &rendered{cfg: cfg, tree: mta.Tree{Dir: dir}, files: files}, nil
}

// warnings is the log for modules that a command calls: it shows their warnings to whoever
// runs the command.
func warnings(c *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// mtaFailure gives an error of rendering or installing its exit code; nil stays nil.
func mtaFailure(err error) error {
	var known *admin.Error
	exit := admin.ExitCantCreate
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, mta.ErrNoGeneration):
		exit = admin.ExitData
	case errors.Is(err, mta.ErrRender), errors.Is(err, mta.ErrPostmap):
		exit = admin.ExitConfig
	case errors.Is(err, mta.ErrNoPostmap):
		exit = admin.ExitUnavailable
	case errors.Is(err, mta.ErrReload), errors.Is(err, mta.ErrBusy), errors.Is(err, admin.ErrNotRunning):
		exit = admin.ExitTryLater
	}
	return failure(exit, "%s", oneLine(err))
}

// mtaDiff changes nothing. For scripts, it exits 1 if apply would change something.
func mtaDiff(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "diff", Short: "Show what apply would change; exit 1 if it would change anything", Args: cobra.NoArgs,
		Example: "  mmgw mta diff",
	}
	dir := dirFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		r, err := g.render(c, *dir)
		if err != nil {
			return err
		}
		diff, err := r.tree.Diff(r.files)
		if err != nil {
			return mtaFailure(err)
		}
		v := struct {
			Dir  string `json:"dir"`
			Diff string `json:"diff"`
		}{r.tree.Dir, diff}
		if err := g.show(c, v, func(w io.Writer) { io.WriteString(w, diff) }); err != nil || diff == "" {
			return err
		}
		return silent(admin.ExitFindings)
	}
	return c
}

func mtaApply(g *globals, use string) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: "Install the files, compile the tables, run the reload command", Args: cobra.NoArgs,
		Long: "Installs the MTA's files, all at once. If the writer or postmap fails, nothing is replaced\n" +
			"(exit 78). Without a postmap the tables are installed as text (69). If the reload command\n" +
			"fails, the files stay (75).",
		Example: "  mmgw " + map[string]string{"apply": "mta apply", "aliases": "aliases"}[use] + " -d /etc/postfix/mmgw",
	}
	dir := dirFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		r, err := g.render(c, *dir)
		if err != nil {
			return err
		}
		if *dir == "" {
			err = os.MkdirAll(r.cfg.StateDir, 0o711)
		}
		if err != nil {
			return failure(admin.ExitCantCreate, "state_dir: %v", err)
		}
		report, err := r.tree.Apply(c.Context(), r.files, server.MTAOptions(r.cfg))
		if err != nil && !errors.Is(err, mta.ErrNoPostmap) && !errors.Is(err, mta.ErrReload) {
			return mtaFailure(err)
		}
		return errors.Join(g.showReport(c, r.tree.Dir, report), mtaFailure(err))
	}
	return c
}

// mtaUndo does not render, so that it works if a writer or a list is broken.
func mtaUndo(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "undo", Short: "Return to the files before the last apply, until the next one", Args: cobra.NoArgs,
		Long: "Brings back the files before the last apply, compiled tables too, and runs the reload command.\n" +
			"They stay until the next `mmgw mta apply`: a running gateway only warns. A second undo reverses\n" +
			"the first. If there is nothing to return to it exits 65.",
		Example: "  mmgw mta undo",
	}
	dir := dirFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := g.load()
		if err != nil {
			return err
		}
		tree := mta.Tree{Dir: cmp.Or(*dir, server.MTADir(cfg))}
		report, err := tree.Undo(c.Context(), server.MTAOptions(cfg))
		if err != nil && !errors.Is(err, mta.ErrReload) {
			return mtaFailure(err)
		}
		return errors.Join(g.showReport(c, tree.Dir, report), mtaFailure(err))
	}
	return c
}

// showReport prints what was done, even if the last step has failed.
func (g *globals) showReport(c *cobra.Command, dir string, r mta.Report) error {
	list := func(paths []string) []string { return append([]string{}, paths...) }
	v := struct {
		Dir      string   `json:"dir"`
		Written  []string `json:"written"`
		Compiled []string `json:"compiled"`
		Removed  []string `json:"removed"`
		Reloaded bool     `json:"reloaded"`
		Output   string   `json:"output,omitempty"`
	}{dir, list(r.Written), list(r.Compiled), list(r.Removed), r.Reloaded, r.Output}
	return g.show(c, v, func(w io.Writer) {
		if len(r.Written)+len(r.Removed) == 0 {
			fmt.Fprintln(w, dir, "is up to date")
		}
		pairs(w, "written", strings.Join(r.Written, " "), "compiled", strings.Join(r.Compiled, " "),
			"removed", strings.Join(r.Removed, " "), "output", r.Output)
		if r.Reloaded {
			fmt.Fprintln(w, "the reload command ran")
		}
	})
}

// nothingByHand is shown if a writer does not say what to do by hand.
const nothingByHand = "Have the MTA read the files above, and hand mail for the lists to mmgw by LMTP.\n"

// mtaShow prints what apply would install, and what has to be done by hand.
func mtaShow(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use: "show", Short: "Show the files, and what to do once by hand", Args: cobra.NoArgs,
		Example: "  mmgw mta show",
	}
	dir := dirFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		r, err := g.render(c, *dir)
		if err != nil {
			return err
		}
		type shown struct {
			Path string `json:"path"`
			Text string `json:"text"`
		}
		byHand, files := mta.ByHand(r.files)
		v := struct {
			Files  []shown `json:"files"`
			ByHand string  `json:"by_hand"`
		}{[]shown{}, cmp.Or(byHand, nothingByHand)}
		for _, f := range files {
			v.Files = append(v.Files, shown{filepath.Join(r.tree.Dir, f.Path), string(f.Data)})
		}
		return g.show(c, v, func(w io.Writer) {
			for _, f := range v.Files {
				fmt.Fprintf(w, "==> %s <==\n%s\n\n", f.Path, strings.TrimSpace(f.Text))
			}
			fmt.Fprint(w, "==> by hand <==\n", v.ByHand)
		})
	}
	return c
}
