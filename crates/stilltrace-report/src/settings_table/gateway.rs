//! Routes of a gateway: a gateway has those that its hosts lead to and no others.

use serde_json::Value;

use super::{Fields, items, patches, routes, table, value};
use crate::page::{Page, Span, Tone};

/// A route with the host and the listener that lead to it.
pub(super) struct Led<'d> {
    listener: &'d str,
    host: &'d str,
    /// The route.
    pub(super) route: &'d Fields,
    /// Its place among the routes of the host, from 1, and how many there are: the first that fits
    /// a request is taken.
    place: (u64, u64),
}

impl Led<'_> {
    /// `route`, with its place where there are several.
    fn word(&self) -> String {
        match self.place {
            (_, 1) => "route".to_owned(),
            (nth, of) => format!("route {nth} of {of}"),
        }
    }
}

/// Every route of the gateway.
pub(super) fn all(settings: &Fields) -> Vec<Led<'_>> {
    let listeners = settings.get("http").and_then(Value::as_object).into_iter().flatten();
    let mut found = Vec::new();
    for (listener, hosts) in listeners {
        for (host, list) in hosts.as_object().into_iter().flatten() {
            let list = items(Some(list));
            let routes = list.iter().filter_map(Value::as_object).zip(1..);
            // A document about one destination has left routes out, and says where those that are
            // left stood.
            let told = |route: &Fields, name: &str| route.get(name).and_then(Value::as_u64);
            found.extend(routes.map(|(route, nth)| {
                let of = told(route, "of").unwrap_or(list.len() as u64);
                let place = (told(route, "nth").unwrap_or(nth), of);
                Led { listener, host, route, place }
            }));
        }
    }
    found
}

/// Whether a route sends requests or copies of them to `host|port` or one of its subsets.
pub(super) fn leads_to(route: &Fields, target: &str) -> bool {
    let targets = items(route.get("to")).iter().chain(items(route.get("mirror")));
    targets.filter_map(|to| to.get(0)?.as_str()).any(|to| {
        to.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
    })
}

/// The routes that lead to one `host|port`, each under its host; and that there is none.
pub(super) fn write(page: &mut Page, target: &str, settings: &Fields, patched: bool) {
    let all = all(settings);
    let mut leading = all.iter().filter(|led| leads_to(led.route, target)).peekable();
    if leading.peek().is_none() && !routes::write_streams(page, target, settings) {
        page.line(&[
            Span::new(Tone::Strong, "route"),
            Span::plain("  none: no host of this gateway leads here"),
        ]);
    }
    write_each(page, leading, patched);
}

/// Writes routes under their hosts.
pub(super) fn write_each<'d>(
    page: &mut Page,
    routes: impl Iterator<Item = &'d Led<'d>>,
    patched: bool,
) {
    let mut under = None;
    for led in routes {
        if under != Some((led.listener, led.host)) {
            under = Some((led.listener, led.host));
            page.line(&[Span::new(Tone::Strong, format!("{} on {}", led.host, led.listener))]);
        }
        routes::heading(page, &led.word(), led.route);
        table::write(page, &patches::mark(routes::rows(led.route), patched));
    }
}

/// The routes that lead to something that does not exist: no edge has them.
pub(super) fn write_broken(page: &mut Page, settings: &Fields) {
    for led in all(settings) {
        for dead in items(led.route.get("no_cluster")) {
            let dead = value::target(dead.as_str().unwrap_or_default());
            let object = routes::object(led.route).map(|it| format!(", {it}")).unwrap_or_default();
            let text = format!(
                "from {} on {} to {dead}, which does not exist in what was read: it answers 503{object}",
                led.host, led.listener
            );
            page.paragraph(&[Span::new(Tone::Bad, "  broken  ")], 6, &[Span::plain(text)]);
        }
    }
}

/// In a few words: which hosts lead to one `host|port`.
pub(super) fn summary(target: &str, settings: &Fields) -> Vec<String> {
    let all = all(settings);
    let leading: Vec<_> = all.iter().filter(|led| leads_to(led.route, target)).collect();
    if leading.is_empty() {
        let has_stream = routes::streams(target, settings).next().is_some();
        return vec![if has_stream { "a TCP route" } else { "no route leads here" }.to_owned()];
    }
    let mut hosts: Vec<&str> = leading.iter().map(|led| led.host).collect();
    hosts.dedup();
    let mut parts = vec![format!("from {}", hosts.join(" and "))];
    match leading.as_slice() {
        [only] => parts.extend(routes::in_words(only.route)),
        several => {
            parts.extend(several.iter().find_map(|led| routes::object(led.route)));
            parts.push(format!("{} routes", several.len()));
        }
    }
    parts
}
