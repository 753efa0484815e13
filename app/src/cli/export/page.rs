//! A report as one HTML page: facts, pictures, conditions, groups and the largest entries; it loads nothing.

use std::fmt::Write as _;
use std::io::{self, Write};

use cachescope_core::model::{Condition, Issue, Record, Role, Row, Verdict, text};

use super::markup::escaped;
use super::{Part, Report, Request, Written, chart};
use crate::cli::lines::group_of;
use crate::text::{self as figures, condition};

const STYLE: &str = include_str!("page.css");
/// Rows of the listing: more than this makes a page that no browser likes. CSV and JSON have all.
const MAX_ROWS: usize = 10_000;
/// Groups and issues that are listed.
const MAX_GROUPS: usize = 200;
const MAX_ISSUES: usize = 200;

pub(super) struct Page;

impl Report for Page {
    fn begin(&mut self, request: &Request, to: &mut dyn Write) -> io::Result<()> {
        let made = figures::moment_exact(request.now);
        write!(
            to,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"generator\" content=\"Cachescope {}\">\n<title>Cachescope report</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Cachescope report</h1>\n\
             <p class=\"quiet\">Made on {}. Sizes count in thousands; what a cache does not record is shown as –.</p>\n",
            env!("CARGO_PKG_VERSION"),
            escaped(&made)
        )
    }

    fn part(&mut self, part: &Part, request: &Request, to: &mut dyn Write) -> io::Result<()> {
        let info = &part.listing.store.info;
        writeln!(to, "<section>\n<h2>{}</h2>", escaped(&info.title()))?;
        let writer = info.writer.as_deref();
        let writer = writer.map_or_else(String::new, |w| format!(" · written by {w}"));
        let path = text::path(&info.path);
        let line = format!("{path} · {}{writer}", info.kind);
        writeln!(to, "<p class=\"quiet\">{}</p>", escaped(&line))?;
        to.write_all(facts(part).as_bytes())?;
        let listing = &part.listing;
        if !listing.rows.is_empty() {
            let picture = chart::bytes(&listing.snapshot, &listing.rows, request.now);
            write!(
                to,
                "<h3>Where the bytes are</h3>\n<p class=\"quiet\">Area is bytes; the lighter, the more recently used.</p>\n{picture}"
            )?;
        }
        to.write_all(distributions(part).as_bytes())?;
        to.write_all(conditions(part).as_bytes())?;
        to.write_all(groups(part).as_bytes())?;
        entries(part, request, to)?;
        to.write_all(issues(&part.stats.issues).as_bytes())?;
        writeln!(to, "</section>")
    }

    fn issue(&mut self, issue: &Issue, to: &mut dyn Write) -> io::Result<()> {
        let path = text::path(&issue.path);
        writeln!(
            to,
            "<section>\n<h2>{}</h2>\n<p class=\"problem\">{}</p>\n</section>",
            escaped(&path),
            escaped(&issue.message)
        )
    }

    fn end(&mut self, written: &Written, to: &mut dyn Write) -> io::Result<()> {
        let words = format!(
            "{} listed, {}",
            figures::counted(written.entries, "entry", "entries"),
            figures::bytes(written.bytes)
        );
        write!(
            to,
            "<p class=\"quiet\">{words}</p>\n</main>\n</body>\n</html>\n"
        )
    }
}

fn facts(part: &Part) -> String {
    let stats = &part.stats;
    let mut cards = vec![
        (
            figures::bytes(stats.bytes),
            figures::counted(stats.entries, "entry", "entries"),
        ),
        (figures::bytes(stats.disk_bytes), "on disk".to_owned()),
        (
            figures::bytes(stats.overhead_bytes()),
            "of it overhead".to_owned(),
        ),
    ];
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        cards.push((figures::moment(oldest), "oldest entry".to_owned()));
        cards.push((figures::moment(newest), "newest entry".to_owned()));
    }
    for counters in &stats.counters {
        let bound = if counters.is_lower_bound {
            "at least "
        } else {
            ""
        };
        cards.push((
            format!("{bound}{}", figures::count(counters.hits)),
            format!(
                "{}, {}, {}",
                if counters.hits == 1 { "hit" } else { "hits" },
                figures::counted(counters.misses, "miss", "misses"),
                counters.source
            ),
        ));
    }
    let mut out = "<div class=\"cards\">\n".to_owned();
    for (figure, words) in cards {
        // Writing to a String cannot fail.
        writeln!(out, "<div><b>{figure}</b><span>{words}</span></div>").ok();
    }
    out.push_str("</div>\n");
    out
}

fn distributions(part: &Part) -> String {
    let size = |from: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "edges are whole and never negative"
        )]
        let whole = from as u64;
        figures::bytes(whole)
    };
    let mut out = "<div class=\"pair\">\n".to_owned();
    for (name, bins, word) in [
        (
            "Entries by size",
            &part.stats.sizes,
            size as fn(f64) -> String,
        ),
        ("Entries by age", &part.stats.ages, figures::span),
    ] {
        if !bins.is_empty() {
            let chart = chart::histogram(name, bins, word);
            write!(out, "<div><h3>{name}</h3>\n{chart}</div>\n").ok();
        }
    }
    out.push_str("</div>\n");
    out
}

fn conditions(part: &Part) -> String {
    let verdicts: Vec<_> = part
        .listing
        .records()
        .filter_map(|(_, verdict)| verdict)
        .collect();
    let mut out = "<h3>Conditions</h3>\n<table>\n".to_owned();
    for found in Condition::ALL {
        let n = verdicts.iter().filter(|v| v.condition == found).count() as u64;
        if n > 0 {
            writeln!(
                out,
                "<tr><td>{}</td><td class=\"figure\">{}</td></tr>",
                worded(found),
                figures::count(n)
            )
            .ok();
        }
    }
    out.push_str("</table>\n");
    out
}

/// Glyph and word, as in the window.
fn worded(found: Condition) -> String {
    format!(
        "<span class=\"{}\">{}</span> {}",
        found.name(),
        condition::glyph(found),
        condition::word(found)
    )
}

fn groups(part: &Part) -> String {
    let groups = &part.stats.groups;
    if groups.is_empty() {
        return String::new();
    }
    let mut out = "<h3>Groups</h3>\n<table>\n<tr><th>Group</th><th class=\"figure\">Entries</th>\
                   <th class=\"figure\">Size</th><th class=\"figure\">Compute</th></tr>\n"
        .to_owned();
    for group in groups.iter().take(MAX_GROUPS) {
        let took = group
            .duration_s
            .map_or_else(|| "–".to_owned(), figures::duration);
        writeln!(
            out,
            "<tr><td><bdi>{}</bdi></td><td class=\"figure\">{}</td><td class=\"figure\">{}</td><td class=\"figure\">{took}</td></tr>",
            escaped(&group.group.label),
            figures::count(group.entries),
            figures::bytes(group.bytes)
        )
        .ok();
    }
    out.push_str("</table>\n");
    out.push_str(&cut(groups.len(), MAX_GROUPS, "groups"));
    out
}

/// The largest entries first.
fn entries(part: &Part, request: &Request, to: &mut dyn Write) -> io::Result<()> {
    let listing = &part.listing;
    let mut rows: Vec<(Row, u64)> = listing
        .rows
        .iter()
        .filter_map(|row| Some((*row, listing.record(*row)?.bytes)))
        .collect();
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    writeln!(to, "<h3>Entries</h3>")?;
    if !request.typed.trim().is_empty() {
        // Orphans, which a query for conditions finds, are no entries.
        let is_entry = |(row, _): &&(Row, u64)| {
            let record = listing.record(*row);
            record.is_some_and(|record| record.role == Role::Entry)
        };
        let words = format!(
            "{} of {} match {}",
            figures::count(rows.iter().filter(is_entry).count() as u64),
            figures::counted(listing.snapshot.totals.entries, "entry", "entries"),
            request.typed
        );
        writeln!(to, "<p class=\"quiet\">{}</p>", escaped(&words))?;
    }
    to.write_all(cut(rows.len(), MAX_ROWS, "entries").as_bytes())?;
    writeln!(
        to,
        "<table>\n<tr><th>Group</th><th>Key</th><th>Arguments</th><th class=\"figure\">Size</th>\
         <th class=\"figure\">Compute</th><th>Stored</th><th>Last used</th><th class=\"figure\">Hits</th>\
         <th>Condition</th></tr>"
    )?;
    for (row, _) in rows.iter().take(MAX_ROWS) {
        if let Some(record) = listing.record(*row) {
            to.write_all(entry(&record, listing.verdict(*row), request).as_bytes())?;
        }
    }
    writeln!(to, "</table>")
}

fn entry(record: &Record<'_>, verdict: Option<&Verdict>, request: &Request) -> String {
    let args: Vec<_> = record
        .args
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut args = figures::shorten(&args.join(", "), 160);
    if record.args.is_cut() {
        args.push('…');
    }
    let ago = |time: Option<cachescope_core::model::Time>| {
        time.map_or_else(|| "–".to_owned(), |t| figures::ago(t, request.now))
    };
    let condition = verdict.map_or_else(String::new, |v| {
        let why = escaped(&v.evidence.join("; "));
        format!("<span title=\"{why}\">{}</span>", worded(v.condition))
    });
    format!(
        "<tr><td><bdi>{}</bdi></td><td><code><bdi>{}</bdi></code></td><td><code><bdi>{}</bdi></code></td>\
         <td class=\"figure\">{}</td><td class=\"figure\">{}</td><td>{}</td><td>{}</td>\
         <td class=\"figure\">{}</td><td>{condition}</td></tr>\n",
        escaped(group_of(record).unwrap_or_default()),
        escaped(&figures::shorten(&record.key_text(), 80)),
        escaped(&args),
        figures::bytes(record.bytes),
        record
            .duration_s
            .map_or_else(|| "–".to_owned(), figures::duration_short),
        ago(record.created.or(record.modified)),
        ago(record.accessed),
        record.hits.map_or_else(|| "–".to_owned(), figures::count),
    )
}

fn issues(issues: &[Issue]) -> String {
    if issues.is_empty() {
        return String::new();
    }
    let mut out = "<h3>Problems met while reading</h3>\n<ul>\n".to_owned();
    for issue in issues.iter().take(MAX_ISSUES) {
        let path = text::path(&issue.path);
        let message = escaped(&issue.message);
        writeln!(out, "<li>{message}<br><code>{}</code></li>", escaped(&path)).ok();
    }
    out.push_str("</ul>\n");
    out.push_str(&cut(issues.len(), MAX_ISSUES, "problems"));
    out
}

/// Says that a list is cut, and where the rest is.
fn cut(n: usize, most: usize, what: &str) -> String {
    if n <= most {
        return String::new();
    }
    format!(
        "<p class=\"quiet\">The first {} of {} {what} are shown; CSV and JSON have all</p>\n",
        figures::count(most as u64),
        figures::count(n as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_stranger_wrote_is_markup() {
        assert_eq!(
            escaped("<script>\"x\"&'\u{202e}\u{1b}"),
            "&lt;script&gt;&quot;x&quot;&amp;&#39;\\u202e\\x1b"
        );
    }
}
