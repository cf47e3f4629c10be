//! When people work: the times of the commits before a recording.

use super::draw::Draw;

const DAY: i64 = 86_400;
/// First and last hour of the working day, local time.
const HOURS: (i64, i64) = (9, 18);

/// `count` times in working hours of the days before `start`, oldest first.
///
/// `start` is in seconds since 1970; the last time lies at least an hour before it. Weekends are
/// free.
pub(crate) fn before(start: i64, zone_minutes: i32, count: usize, seed: u64) -> Vec<i64> {
    let mut draw = Draw::new(seed, "calendar");
    let zone = i64::from(zone_minutes) * 60;
    let today = (start + zone).div_euclid(DAY);
    // 1970-01-01 was a Thursday: day 0 has weekday 3 when Monday is 0.
    let days: Vec<_> =
        (today - draw.between(8, 16)..today).filter(|day| (day + 3).rem_euclid(7) < 5).collect();
    let mut times: Vec<_> = (0..count)
        .map(|_| {
            let day = draw.pick(&days).copied().unwrap_or(today - 1);
            day * DAY + draw.between(HOURS.0 * 3_600, HOURS.1 * 3_600 - 1) - zone
        })
        .collect();
    times.sort_unstable();
    // Two commits of one moment would have no order.
    for index in 1..times.len() {
        times[index] = times[index].max(times[index - 1] + 61);
    }
    for time in &mut times {
        *time = (*time).min(start - 3_600);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_fall_into_working_hours_of_weekdays_before_the_start() {
        let start = 1_772_632_930; // a Wednesday
        let times = before(start, 120, 40, 5);
        assert!(times.is_sorted() && times.len() == 40);
        for time in times {
            let local = time + 120 * 60;
            assert!((9..19).contains(&(local.rem_euclid(DAY) / 3_600)), "{local}");
            assert!((local.div_euclid(DAY) + 3).rem_euclid(7) < 5);
            assert!(time < start);
        }
    }
}
