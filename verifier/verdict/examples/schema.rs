//! Prints the JSON Schema of verdicts, which `docs/verdict.schema.json` holds.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&twinbuild_verdict::Verdict::schema())?);
    Ok(())
}
