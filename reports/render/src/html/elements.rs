//! What pages are put together from.

use crate::plot::{STYLE, escape};

/// No script and no fetch. The icon is an empty one of the page's own, so that a browser asks no server for it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A page: the frame that all of framelag's pages share. `title` is a text, `body` is HTML.
pub fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

/// A section with a heading, or nothing where there is nothing in it.
pub fn section(heading: &str, content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("<section>\n<h2>{heading}</h2>\n{content}</section>\n") }
}

/// A table of figures: the first column is a name, the others are numbers. Headings and names are texts.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = "<div class=\"scroll\"><table>\n".to_owned();
    let class = |column: usize| if column == 0 { "" } else { " class=\"number\"" };
    if headings.iter().any(|heading| !heading.is_empty()) {
        out.push_str("<thead><tr>");
        for (column, heading) in headings.iter().enumerate() {
            out.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(column), escape(heading)));
        }
        out.push_str("</tr></thead>\n");
    }
    out.push_str("<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let (class, cell) = (class(column), escape(cell));
            out.push_str(&match column {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td{class}>{cell}</td>"),
            });
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    out
}

/// A table cell with a time in ms: two decimals, so that digits stand below each other.
pub fn cell(ms: Option<f64>) -> String {
    ms.map_or("–".to_owned(), |ms| format!("{ms:.2}"))
}
