package symbols

import (
	"go/ast"
	"go/parser"
	"go/token"
)

// Parse returns the top-level declarations of one Go source file in source order. The name file goes
// into every symbol and is not opened; src is read and not kept. Blank names ("_") and imports declare
// nothing that could be looked up and are left out.
//
// A source that is not Go gives a [*ParseError] and no symbols, however much of it was readable: half
// an index entry would look like a whole one. Parse never panics, whatever the source. It does not
// block and is safe for concurrent use.
//
// Cost: 20 to 40 MB of source a second on one core, and garbage of about ten times the size of src, most of
// it the syntax tree, which lives until Parse returns.
func Parse(file string, src []byte) ([]Symbol, error) {
	// A set of its own: a shared one would keep the line table of every file that was ever parsed.
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, "", src, parser.SkipObjectResolution)
	if err != nil {
		return nil, &ParseError{File: file, Err: err}
	}
	c := collector{set: set, file: file}
	for _, decl := range tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			c.function(d)
		case *ast.GenDecl:
			c.general(d)
		}
	}
	return c.found, nil
}

// collector gathers the symbols of one file.
type collector struct {
	set   *token.FileSet
	file  string
	found []Symbol
}

func (c *collector) function(d *ast.FuncDecl) {
	if d.Recv == nil {
		c.add(d.Name, d.Name.Name, KindFunc)
		return
	}
	name := d.Name.Name
	if receiver := receiverName(d.Recv); receiver != "" {
		name = receiver + "." + name
	}
	c.add(d.Name, name, KindMethod)
}

func (c *collector) general(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			c.add(s.Name, s.Name.Name, KindType)
		case *ast.ValueSpec:
			kind := KindVar
			if d.Tok == token.CONST {
				kind = KindConst
			}
			for _, name := range s.Names {
				c.add(name, name.Name, kind)
			}
		}
	}
}

func (c *collector) add(id *ast.Ident, name string, kind Kind) {
	if id.Name == "_" {
		return
	}
	// Not Position: it follows //line directives, and the line must be found in this very file.
	line := c.set.PositionFor(id.Pos(), false).Line
	c.found = append(c.found, Symbol{Name: name, File: c.file, Line: line, Kind: kind})
}

// receiverName returns the name of the receiver's type, "" where the parser accepted something that no
// compiler would, such as an empty receiver list.
func receiverName(recv *ast.FieldList) string {
	if len(recv.List) == 0 {
		return ""
	}
	expr := recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.StarExpr:
			expr = e.X
		case *ast.ParenExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		default:
			return ""
		}
	}
}
