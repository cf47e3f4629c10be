//! Who works on the invented platform: organisation, cluster, teams and people.
//!
//! Names come from lists of neutral words; nothing in the product may depend on any of them.

use std::collections::BTreeMap;

use super::draw::Draw;
use crate::topology::Topology;

const FIRST_NAMES: &[&str] = &[
    "Ada", "Amir", "Bela", "Carla", "Chidi", "Dana", "Edith", "Farid", "Greta", "Hana", "Ines",
    "Jonas", "Kofi", "Lena", "Mats", "Nadia", "Omar", "Petra", "Quinn", "Rosa", "Sven", "Tomoko",
    "Uma", "Viktor", "Wanda", "Yusuf",
];
const LAST_NAMES: &[&str] = &[
    "Abara",
    "Brandt",
    "Costa",
    "Dvorak",
    "Eriksen",
    "Fontaine",
    "Gupta",
    "Hoffmann",
    "Ito",
    "Jansen",
    "Kaya",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Varga",
    "Weber",
    "Yilmaz",
    "Zhang",
];
const ORGANISATIONS: &[&str] =
    &["acorn", "birchline", "cobalt", "driftwood", "elmhouse", "fernway"];
const CLUSTERS: &[&str] =
    &["prod-eu-1", "prod-west", "production", "live-a", "euw1-prod", "main-cluster"];

/// Everybody who commits, and what they answer for.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    /// Short name of the organisation, as in `@acorn/payments`.
    pub(crate) organisation: &'static str,
    /// Name of the cluster's folder.
    pub(crate) cluster: &'static str,
    /// Teams by the namespace that they own.
    teams: BTreeMap<String, Team>,
    /// The team behind mesh and cluster.
    pub(crate) platform: Team,
    /// Minutes east of Greenwich of the clocks that people commit with.
    pub(crate) zone_minutes: i32,
}

/// People who answer for the same files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Team {
    /// Name, as in `@acorn/NAME` and `tenants/NAME/`.
    pub(crate) name: String,
    /// Its members; at least one.
    pub(crate) members: Vec<Person>,
}

/// Somebody who commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    /// First and last name.
    pub(crate) name: String,
    /// Address at `example.com`.
    pub(crate) mail: String,
}

impl Cast {
    /// The cast for a topology, at work at `start` (seconds since 1970).
    pub(crate) fn draw(topology: &Topology, seed: u64, start: i64) -> Self {
        let mut draw = Draw::new(seed, "cast");
        let mut people = people(&mut draw);
        let namespaces: std::collections::BTreeSet<_> =
            topology.services.iter().map(|service| service.namespace.clone()).collect();
        let mut team = |name: &str, draw: &mut Draw| Team {
            name: name.to_owned(),
            members: (0..draw.between(2, 3)).filter_map(|_| people.pop()).collect(),
        };
        let teams = namespaces
            .iter()
            .map(|namespace| (namespace.clone(), team(namespace, &mut draw)))
            .collect();
        let name = draw.word(&["platform", "mesh", "infra", "cluster-services"]);
        Self {
            organisation: draw.word(ORGANISATIONS),
            cluster: draw.word(CLUSTERS),
            teams,
            platform: team(name, &mut draw),
            zone_minutes: working_zone(&mut draw, start),
        }
    }

    /// The team that owns a namespace; the platform's for all others.
    pub(crate) fn team_of(&self, namespace: &str) -> &Team {
        self.teams.get(namespace).unwrap_or(&self.platform)
    }

    /// Teams that own a namespace, with it, sorted by namespace.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&str, &Team)> {
        self.teams.iter().map(|(namespace, team)| (namespace.as_str(), team))
    }

    /// The team that answers for a file, by the namespace or team name in its path.
    pub(crate) fn team_for_path(
        &self,
        path: &str,
        owner_of_app: impl Fn(&str) -> Option<String>,
    ) -> &Team {
        path.split('/')
            .find_map(|part| {
                self.teams
                    .values()
                    .find(|team| team.name == part)
                    .or_else(|| owner_of_app(part).map(|namespace| self.team_of(&namespace)))
            })
            .unwrap_or(&self.platform)
    }
}

/// Everybody, in a drawn order, each first and last name once.
fn people(draw: &mut Draw) -> Vec<Person> {
    let (mut first, mut last) = (FIRST_NAMES.to_vec(), LAST_NAMES.to_vec());
    draw.shuffle(&mut first);
    draw.shuffle(&mut last);
    first
        .iter()
        .zip(&last)
        .map(|(first, last)| Person {
            name: format!("{first} {last}"),
            mail: format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase()),
        })
        .collect()
}

/// A time zone in which it is between ten and five at `start`.
fn working_zone(draw: &mut Draw, start: i64) -> i32 {
    const ZONES: &[i32] =
        &[-600, -480, -420, -360, -300, -180, 0, 60, 120, 180, 330, 480, 540, 600, 720];
    let hour = |zone: i32| (start + i64::from(zone) * 60).rem_euclid(86_400) / 3_600;
    let working: Vec<_> =
        ZONES.iter().copied().filter(|zone| (10..17).contains(&hour(*zone))).collect();
    draw.pick(&working).copied().unwrap_or(0)
}
