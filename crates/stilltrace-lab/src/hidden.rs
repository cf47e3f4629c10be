//! Whether a dashboard with one sample in 15 s hides an incident: no series of CPU or throttling
//! leaves the noise of runs without the change.

use crate::record::Panel;
use crate::shown::{BEYOND_NOISE, WANDER};

/// Cores, or seconds per second, that nobody would see on a graph of a container.
const VISIBLE: f64 = 0.01;

/// The series that leave the noise of the controls; `None` where there is no control to tell.
pub fn seen<'p>(panels: &'p [Panel], controls: &[Vec<Panel>]) -> Option<Vec<&'p Panel>> {
    if controls.iter().all(Vec::is_empty) {
        return None;
    }
    let leaves = |(place, panel): (usize, &'p Panel)| {
        // Seeds have names of their own, so a series is found by its place in the topology.
        let alike = controls.iter().filter_map(|control| control.get(place));
        let noise = alike.filter(|one| one.series == panel.series).map(way).fold(0.0, f64::max);
        let margin = (noise * BEYOND_NOISE).max(panel.quiet.1 * WANDER).max(VISIBLE);
        (way(panel) > margin).then_some(panel)
    };
    Some(panels.iter().enumerate().filter_map(leaves).collect())
}

/// How far the samples behind the change leave the range of those before it.
fn way(panel: &Panel) -> f64 {
    (panel.fault.1 - panel.quiet.1).max(panel.quiet.0 - panel.fault.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Series;

    fn panels(cpu: (f64, f64), throttled: (f64, f64)) -> Vec<Panel> {
        let panel = |series, fault| Panel {
            of: "web/istio-proxy".to_owned(),
            series,
            quiet: if series == Series::Cpu { (0.20, 0.24) } else { (0.0, 0.0) },
            fault,
        };
        vec![panel(Series::Cpu, cpu), panel(Series::Throttled, throttled)]
    }

    #[test]
    fn what_stays_within_the_noise_of_the_controls_is_hidden() {
        let controls =
            [panels((0.19, 0.26), (0.0, 0.0)), panels((0.21, 0.23), (0.0, 0.0)), Vec::new()];
        let seen = |cpu, throttled| {
            let panels = panels(cpu, throttled);
            seen(&panels, &controls).map(|seen| seen.iter().map(|one| one.series).collect())
        };
        assert_eq!(seen((0.20, 0.265), (0.0, 0.0)), Some(vec![]));
        assert_eq!(seen((0.20, 0.30), (0.0, 0.0)), Some(vec![Series::Cpu]));
        assert_eq!(seen((0.12, 0.24), (0.0, 0.0)), Some(vec![Series::Cpu]), "less is seen too");
        assert_eq!(seen((0.20, 0.24), (0.0, 0.2)), Some(vec![Series::Throttled]));
    }

    #[test]
    fn without_controls_nobody_knows() {
        let panels = panels((0.20, 0.24), (0.0, 0.0));
        assert_eq!(seen(&panels, &[]), None);
        assert_eq!(seen(&panels, &[Vec::new()]), None);
    }
}
