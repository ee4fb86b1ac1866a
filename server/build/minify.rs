//! Makes scripts short by the minifier of oxc: without comments, spaces and what never runs, with short names and short
//! forms of expressions.

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

/// Returns the same script, short, or what is wrong with it. It is read as a module, so what it declares at its top gets
/// a short name, too; what it does not declare keeps its own.
pub fn minify(script: &str) -> Result<String, String> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, script, SourceType::mjs()).parse();
    let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program).diagnostics;
    if let Some(wrong) = parsed.diagnostics.iter().chain(checked.iter()).next() {
        return Err(wrong.clone().render_with_source_code(script.to_owned()));
    }
    let minified = Minifier::new(MinifierOptions::default()).minify(&allocator, &mut parsed.program);
    let printer = Codegen::new().with_options(CodegenOptions::minify()).with_scoping(minified.scoping);
    Ok(printer.with_private_member_mappings(minified.class_private_mappings).build(&parsed.program).code)
}
