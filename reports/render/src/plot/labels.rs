//! Places the texts beside points so that none covers another.

/// Width of a character and height of a line in px, about: labels are set in 12 px.
const CHARACTER: f64 = 6.6;
const LINE: f64 = 14.0;

/// A label's way from its point to its text, px.
const GAP: f64 = 7.0;

/// The same, when the near places are taken.
const FAR: f64 = 18.0;

/// Where a text stands beside its point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub dx: f64,
    pub dy: f64,
    pub end: bool,
}

#[derive(Clone, Copy, Debug)]
struct Box {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// For each point with a text its place on a plot of this size in px, or `None` where there is no room. Earlier ones go
/// first; no text covers a point.
pub(super) fn place(points: &[(f64, f64, &str)], width: f64, height: f64) -> Vec<Option<Place>> {
    let dot = |x: f64, y: f64| Box { left: x - 4.0, top: y - 4.0, right: x + 4.0, bottom: y + 4.0 };
    let at = |(x, y): (f64, f64)| (x * width, (1.0 - y) * height);
    let mut taken: Vec<Box> = points.iter().map(|(x, y, _)| at((*x, *y))).map(|(x, y)| dot(x, y)).collect();
    let mut places = Vec::new();
    for (x, y, text) in points {
        let (x, y) = at((*x, *y));
        let long = text.chars().count() as f64 * CHARACTER;
        let candidates = [
            (GAP, 4.0, false),
            (-GAP, 4.0, true),
            (GAP, -GAP, false),
            (-GAP, -GAP, true),
            (GAP, 16.0, false),
            (-GAP, 16.0, true),
            (GAP, -FAR, false),
            (-GAP, -FAR, true),
            (GAP, 12.0 + FAR, false),
            (-GAP, 12.0 + FAR, true),
        ];
        let place = candidates.into_iter().map(|(dx, dy, end)| Place { dx, dy, end }).find_map(|place| {
            let left = if place.end { x + place.dx - long } else { x + place.dx };
            let bottom = y + place.dy + 2.0;
            let text = Box { left, top: bottom - LINE, right: left + long, bottom };
            let free = text.left >= 0.0 && text.right <= width && text.top >= 0.0 && text.bottom <= height;
            (free && !taken.iter().any(|other| other.meets(text))).then_some((place, text))
        });
        places.push(place.filter(|_| !text.is_empty()).map(|(place, covers)| {
            taken.push(covers);
            place
        }));
    }
    places
}

impl Box {
    fn meets(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}
