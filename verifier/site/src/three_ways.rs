//! The three-way picture: the published file and its two rebuilds, and how each pair relates.

use maud::{Markup, html};
use twinbuild_compare::{Comparison, Relation};

/// Where the three boxes are, by their middles, and what they are called.
const BOXES: [(u32, u32, &str); 3] =
    [(180, 20, "published file"), (60, 150, "first rebuild"), (300, 150, "second rebuild")];
const BOX_WIDTH: u32 = 112;
const BOX_HEIGHT: u32 = 32;
const LABEL_WIDTH: u32 = 76;

/// The picture. A line is drawn by its relation, and says it: nothing is in colour alone.
pub(crate) fn picture(comparison: &Comparison) -> Markup {
    let pairs = [(0, 1, comparison.first), (0, 2, comparison.second), (1, 2, comparison.twins)];
    let label = format!(
        "Published file and first rebuild: {}. Published file and second rebuild: {}. First and second rebuild: {}.",
        word(comparison.first),
        word(comparison.second),
        word(comparison.twins)
    );
    html! {
        svg.picture.ways viewBox="0 0 360 172" role="img" aria-label=(label) {
            @for (a, b, relation) in pairs {
                @let ((x1, y1, _), (x2, y2, _)) = (BOXES[a], BOXES[b]);
                @let (x, y) = (u32::midpoint(x1, x2), u32::midpoint(y1, y2));
                line class=(word(relation)) x1=(x1) y1=(y1) x2=(x2) y2=(y2) {}
                rect.label x=(x - LABEL_WIDTH / 2) y=(y - 9) width=(LABEL_WIDTH) height="18" {}
                text x=(x) y=(y + 4) { (word(relation)) }
            }
            @for (x, y, name) in BOXES {
                rect x=(x - BOX_WIDTH / 2) y=(y - BOX_HEIGHT / 2) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="4" {}
                text x=(x) y=(y + 4) { (name) }
            }
        }
    }
}

fn word(relation: Relation) -> &'static str {
    match relation {
        Relation::Identical => "identical",
        Relation::Equivalent => "equivalent",
        Relation::Different => "different",
    }
}
