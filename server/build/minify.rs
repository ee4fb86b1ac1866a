//! Makes scripts short by oxc: without comments and spaces, and with short names for what they declare.

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_mangler::Mangler;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

/// Returns the same script, short, or what is wrong with it. It is read as a module, so what it declares at its top gets
/// a short name, too; what it does not declare keeps its own.
pub fn minify(script: &str) -> Result<String, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::mjs()).parse();
    let builder = SemanticBuilder::new().with_check_syntax_error(true);
    let mut checked = builder.with_build_nodes(true).with_class_table(true).build(&parsed.program);
    if let Some(wrong) = parsed.diagnostics.iter().chain(checked.diagnostics.iter()).next() {
        return Err(wrong.clone().render_with_source_code(script.to_owned()));
    }
    let private = Mangler::new().build_with_semantic(&mut checked.semantic, &parsed.program);
    let printer = Codegen::new().with_options(CodegenOptions::minify());
    let printer = printer.with_scoping(Some(checked.semantic.into_scoping()));
    Ok(printer.with_private_member_mappings(Some(private)).build(&parsed.program).code)
}
