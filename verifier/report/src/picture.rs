//! Pictures of bars, and of lines over time, as SVG.

use maud::{Markup, PreEscaped, html};

use crate::corpus::ResultKind;
use crate::escape::{escape, on_one_line};

/// What a picture in a file of its own needs besides: the colours of pages, and paper below it, whatever page shows it.
const STYLE_ALONE: &str = concat!(
    ":root{--ink:#1b1f24;--soft:#59636e;--paper:#fff}",
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b1;--paper:#0d1117}}",
    "rect{fill:currentColor}.paper{color:var(--paper)}",
    include_str!("picture.css")
);

/// The width of all, of names, of bars, and of what is noted behind them, in the picture's own units, which are pixels on a phone.
const WIDTH: u64 = 360;
const BARS_AT: u64 = 110;
const BARS: u64 = 160;
/// The height of a row, and of a bar in it.
const ROW: u64 = 22;
const BAR: u64 = 14;
/// So many words of a legend stand in a row.
const LEGEND_COLUMNS: usize = 3;
/// So many characters of a name are shown.
const NAME_CHARACTERS: usize = 17;

/// Where lines are drawn: from the left, from the top, and how high.
const LINES_AT: u64 = 52;
const LINES_FROM: u64 = 8;
const LINES_HEIGHT: u64 = 88;

/// A picture and what its colours mean. A table beside it says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What its file is called, without `.svg`.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// What is drawn.
    pub(crate) form: Form,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// Bars one below the other, the topmost first, each of one or more colours.
    Bars { bars: Vec<Bar>, length: Length },
    /// Shares over time, from the left, and what stands below the first and the last.
    Lines { lines: Vec<Line>, from: String, to: String },
}

/// A share over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it shows; words of ours.
    pub(crate) name: &'static str,
    /// Its class in the style.
    pub(crate) class: &'static str,
    /// Each share, in thousandths.
    pub(crate) shares: Vec<u64>,
}

/// How long bars are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// By their counts.
    Count,
    /// All the same: colours are shares.
    Share,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// A foreign name.
    pub(crate) name: String,
    /// Counts, from the left.
    pub(crate) segments: Vec<(ResultKind, u64)>,
    /// Numbers that stand behind it.
    pub(crate) note: String,
}

impl Picture {
    /// The picture as a file of its own, which loads and runs nothing.
    #[must_use]
    pub fn svg(&self) -> String {
        let inner = self.inner();
        let markup = html! {
            svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox=(self.view_box()) width=(WIDTH * 3 / 2)
                role="img" aria-label=(self.title) {
                title { (self.title) }
                // The one text that is not escaped: a constant of this file.
                style { (PreEscaped(STYLE_ALONE)) }
                rect.paper width="100%" height="100%" {}
                (inner)
            }
        };
        escape(&markup.into_string()) + "\n"
    }

    /// The picture as a part of a page that has [`STYLE`](crate::STYLE).
    #[must_use]
    pub fn markup(&self) -> Markup {
        html! { svg.picture viewBox=(self.view_box()) role="img" aria-label=(self.title) { (self.inner()) } }
    }

    fn view_box(&self) -> String {
        let height = match &self.form {
            Form::Bars { bars, length } => {
                let legend = kinds(bars, *length).len().div_ceil(LEGEND_COLUMNS);
                u64::try_from(bars.len() + legend).unwrap_or(u64::MAX / ROW).saturating_mul(ROW)
            }
            Form::Lines { .. } => LINES_FROM + LINES_HEIGHT + 2 * ROW,
        };
        format!("0 0 {WIDTH} {height}")
    }

    fn inner(&self) -> Markup {
        match &self.form {
            Form::Bars { bars, length } => self::bars(bars, *length),
            Form::Lines { lines, from, to } => self::lines(lines, from, to),
        }
    }
}

/// What is to be said of colours: nothing, where each bar has one and is named by it.
fn kinds(bars: &[Bar], length: Length) -> Vec<ResultKind> {
    let is_used =
        |kind: &ResultKind| bars.iter().flat_map(|bar| &bar.segments).any(|(used, count)| used == kind && *count > 0);
    match length {
        Length::Count => Vec::new(),
        Length::Share => ResultKind::ALL.into_iter().filter(is_used).collect(),
    }
}

fn bars(bars: &[Bar], length: Length) -> Markup {
    let total = |bar: &Bar| bar.segments.iter().map(|(_, count)| count).sum::<u64>();
    let longest = bars.iter().map(total).max().unwrap_or(0);
    html! {
        @for (row, bar) in (0_u64..).zip(bars) {
            @let whole = match length { Length::Count => longest, Length::Share => total(bar) };
            g {
                text x="0" y=(row * ROW + 15) { (name(&bar.name)) }
                @for Segment { kind, at, width } in segments(&bar.segments, whole) {
                    rect class=(kind.name()) x=(tenths(BARS_AT * 10 + at)) y=(row * ROW + 4) width=(tenths(width)) height=(BAR) {
                        title { (kind.words()) }
                    }
                }
                text.note x=(WIDTH) y=(row * ROW + 15) { (bar.note) }
            }
        }
        @for (index, kind) in kinds(bars, length).into_iter().enumerate() {
            @let x = u64::try_from(index % LEGEND_COLUMNS).unwrap_or(0) * (WIDTH / 3);
            @let y = u64::try_from(bars.len() + index / LEGEND_COLUMNS).unwrap_or(0) * ROW;
            rect class=(kind.name()) x=(x) y=(y + 6) width="10" height="10" {}
            text x=(x + 15) y=(y + 15) { (kind.name()) }
        }
    }
}

/// Lines between the least share, rounded down to tens of percents, and all.
fn lines(lines: &[Line], from: &str, to: &str) -> Markup {
    let least = lines.iter().flat_map(|line| &line.shares).copied().min().unwrap_or(0).min(900) / 100 * 100;
    let below = LINES_FROM + LINES_HEIGHT;
    html! {
        @for (y, share) in [(LINES_FROM, 1000), (below, least)] {
            text.note x=(LINES_AT - 8) y=(y + 4) { (share / 10) " %" }
            path.grid d=(format!("M{LINES_AT} {y}H{WIDTH}")) {}
        }
        @for line in lines { path class=(line.class) d=(path(&line.shares, least)) { title { (line.name) } } }
        text x=(LINES_AT) y=(below + 15) { (name(from)) }
        text.note x=(WIDTH) y=(below + 15) { (name(to)) }
        @for (index, line) in (0_u64..).zip(lines) {
            @let x = LINES_AT + index * (WIDTH / 3);
            rect class=(line.class) x=(x) y=(below + ROW + 6) width="10" height="10" {}
            text x=(x + 15) y=(below + ROW + 15) { (line.name) }
        }
    }
}

/// The way of a line, in tenths of units. What stays as it is needs no points of its own.
fn path(shares: &[u64], least: u64) -> String {
    let last = shares.len().saturating_sub(1);
    let point = |index: usize, share: u64| {
        let part = |part: u128, whole: usize, length: u64| {
            let whole = u128::try_from(whole.max(1)).unwrap_or(u128::MAX);
            u64::try_from(part.saturating_mul(u128::from(length * 10)) / whole).unwrap_or(length * 10).min(length * 10)
        };
        let x = part(u128::try_from(index).unwrap_or(0), last, WIDTH - LINES_AT - 4);
        let whole = usize::try_from(1000 - least).unwrap_or(1000);
        let y = part(u128::from(1000_u64.saturating_sub(share)), whole, LINES_HEIGHT);
        format!("{} {}", tenths((LINES_AT + 2) * 10 + x), tenths(LINES_FROM * 10 + y))
    };
    let is_turn = |index: usize| {
        index == 0 || index == last || shares[index - 1] != shares[index] || shares[index + 1] != shares[index]
    };
    let points: Vec<String> = shares
        .iter()
        .enumerate()
        .filter(|(index, _)| is_turn(*index))
        .map(|(index, share)| point(index, *share))
        .collect();
    match points.as_slice() {
        [] => String::new(),
        // A line of no length, which has round ends, is a dot.
        [only] => format!("M{only}h0"),
        points => format!("M{}", points.join("L")),
    }
}

/// A part of a bar, in tenths of units.
struct Segment {
    kind: ResultKind,
    at: u64,
    width: u64,
}

/// Parts in proportion to their counts; each that occurs can be seen, and is set off from the next.
fn segments(counts: &[(ResultKind, u64)], whole: u64) -> Vec<Segment> {
    const LEAST: u64 = 12;
    let at = |count: u64| {
        let exact = u128::from(count) * u128::from(BARS * 10) / u128::from(whole.max(1));
        u64::try_from(exact).unwrap_or(BARS * 10)
    };
    let mut before = 0;
    let mut segments = Vec::new();
    for (kind, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let (begin, end) = (at(before), at(before + count));
        segments.push(Segment { kind: *kind, at: begin, width: (end - begin).saturating_sub(6).max(LEAST) });
        before += count;
    }
    segments
}

/// Tenths of a unit, as SVG has numbers.
fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

fn name(text: &str) -> String {
    let text = on_one_line(text);
    if text.chars().count() <= NAME_CHARACTERS {
        return text.into_owned();
    }
    text.chars().take(NAME_CHARACTERS - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(name: &str) -> Picture {
        let segments = vec![(ResultKind::Repacked, 2), (ResultKind::Code, 0), (ResultKind::Unbuildable, 1)];
        let bar = Bar { name: name.to_owned(), segments, note: "2 of 3".to_owned() };
        Picture { name: "test", title: "A test", form: Form::Bars { bars: vec![bar], length: Length::Share } }
    }

    #[test]
    fn a_picture_is_a_few_shapes() {
        insta::assert_snapshot!(picture("a").svg().split_once("</style>").unwrap().1);
    }

    #[test]
    fn a_hostile_name_adds_nothing_to_a_picture() {
        let hostile = picture("</text><script>\u{202e}\"'<image href='x'/>").svg();
        assert_eq!(hostile.matches('<').count(), picture("a").svg().matches('<').count());
        assert!(!hostile.contains('\u{202e}') && !hostile.contains("<script"));
    }

    #[test]
    fn a_year_of_nights_is_a_short_line() {
        let steady = path(&[950; 365], 900);
        assert_eq!(steady, "M54.0 52.0L358.0 52.0");
        let mut shares = vec![1000; 365];
        shares[100] = 0;
        assert_eq!(path(&shares, 0).matches('L').count(), 4, "{}", path(&shares, 0));
        assert_eq!((path(&[1000], 900).as_str(), path(&[], 900).as_str()), ("M54.0 8.0h0", ""));
        // Shares that nobody computed stay within the picture.
        assert_eq!(path(&[u64::MAX, 0], 900), "M54.0 8.0L358.0 96.0");
    }

    #[test]
    fn what_occurs_can_be_seen() {
        let parts = segments(&[(ResultKind::Repacked, 1_000_000), (ResultKind::Code, 1)], 1_000_001);
        assert!(parts.iter().all(|part| part.width >= 12));
        assert!(segments(&[], 0).is_empty());
    }
}
