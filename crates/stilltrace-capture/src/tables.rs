//! `calls.csv` and `containers.csv`.

use stilltrace_model::{Call, ContainerId, EdgeId, ServiceId, WorkloadId};

use crate::csv;
use crate::error::Fault;

const CALL_COLUMNS: &[&str] = &[
    "source_namespace",
    "source_workload",
    "destination_namespace",
    "destination_service",
    "port",
    "requests",
];
const CONTAINER_COLUMNS: &[&str] = &["namespace", "workload", "pod", "container"];

/// Observed edges, sorted by edge; of repeated edges the first line counts.
pub(crate) fn parse_calls(text: &str) -> Result<Vec<Call>, Fault> {
    let mut calls = Vec::new();
    for record in csv::parse(text, CALL_COLUMNS)? {
        let [source_namespace, source, namespace, service, port, requests] =
            record.fields.as_slice()
        else {
            continue;
        };
        let port = port
            .parse()
            .map_err(|_| Fault::new(record.line, "`port` must be a number from 0 to 65535"))?;
        let requests: f64 = requests
            .parse()
            .ok()
            .filter(|requests: &f64| requests.is_finite() && *requests >= 0.0)
            .ok_or_else(|| Fault::new(record.line, "`requests` must be a number of at least 0"))?;
        let source = WorkloadId::new(source_namespace, source);
        let edge = EdgeId::new(source, ServiceId::new(namespace, service), port);
        calls.push(Call { edge, requests });
    }
    calls.sort_by(|a, b| a.edge.cmp(&b.edge).then_with(|| a.requests.total_cmp(&b.requests)));
    calls.dedup_by(|a, b| a.edge == b.edge);
    Ok(calls)
}

/// The text of `calls.csv`.
pub(crate) fn print_calls(calls: &[Call]) -> String {
    let mut out = String::new();
    csv::print(CALL_COLUMNS, &mut out);
    for Call { edge, requests } in calls {
        let (port, requests) = (edge.port.to_string(), requests.to_string());
        let fields = [
            &edge.source.namespace,
            &edge.source.name,
            &edge.destination.namespace,
            &edge.destination.name,
            &port,
            &requests,
        ];
        csv::print(&fields.map(String::as_str), &mut out);
    }
    out
}

/// Containers with the workload they belong to, sorted, without repeats.
pub(crate) fn parse_containers(text: &str) -> Result<Vec<ContainerId>, Fault> {
    let mut containers = Vec::new();
    for record in csv::parse(text, CONTAINER_COLUMNS)? {
        let [namespace, workload, pod, container] = record.fields.as_slice() else { continue };
        containers.push(ContainerId {
            workload: WorkloadId::new(namespace, workload),
            pod: pod.clone(),
            container: container.clone(),
        });
    }
    containers.sort();
    containers.dedup();
    Ok(containers)
}

/// The text of `containers.csv`.
pub(crate) fn print_containers(containers: &[ContainerId]) -> String {
    let mut out = String::new();
    csv::print(CONTAINER_COLUMNS, &mut out);
    for one in containers {
        let fields = [&one.workload.namespace, &one.workload.name, &one.pod, &one.container];
        csv::print(&fields.map(String::as_str), &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure is the test's result")]
    use super::*;

    #[test]
    fn calls_are_read_back_sorted_whatever_the_order_of_lines() {
        let call = |service: &str, requests| Call {
            edge: EdgeId::new(
                WorkloadId::new("shop", "web"),
                ServiceId::new("shop", service),
                8080,
            ),
            requests,
        };
        let calls = [call("a", 1.5), call("b", 0.1 + 0.2)];
        let text = print_calls(&[calls[1].clone(), calls[0].clone()]);
        assert_eq!(parse_calls(&text).unwrap(), calls);
    }

    #[test]
    fn a_bad_port_or_count_is_named_by_line() {
        let header = CALL_COLUMNS.join(",");
        for row in ["a,b,c,d,70000,1", "a,b,c,d,80,-1", "a,b,c,d,80,NaN", "a,b,c,d,80"] {
            let text = format!("{header}\n{row}\n");
            assert_eq!(parse_calls(&text).err().map(|fault| fault.line), Some(2), "{row}");
        }
    }
}
