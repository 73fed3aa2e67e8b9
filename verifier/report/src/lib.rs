//! Renderings of verdicts for people and programs.
