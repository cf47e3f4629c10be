//! Driving a running mesh: load, and what applications are told.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use stilltrace_model::Platform;

use super::boot::{CONTAINERS, write};
use super::{LoadRun, Mesh, MeshError, now_unix_ms};
use crate::behave::{CONTROL_PATH, CONTROL_PORT, Orders};
use crate::harvest::MachineCpu;
use crate::http;
use crate::pods::Pod;
use crate::roles::load::LoadPlan;
use crate::topology::{Behaviour, Traffic};

/// Address of the clients.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 254, 1);
/// Time beyond its own timeout after which load must have ended.
const LOAD_SLACK: Duration = Duration::from_secs(10);

impl Mesh {
    /// Makes every pod of a service behave differently, whatever its image: a fault that no commit
    /// causes. Lasts until a push changes the image.
    pub fn behave(
        &mut self,
        namespace: &str,
        service: &str,
        behaviour: &Behaviour,
    ) -> Result<(), MeshError> {
        for pod in self.pods.clone() {
            let is_meant = pod.service.namespace == namespace && pod.service.name == service;
            if is_meant && pod.app_id.is_some() {
                let image =
                    self.told.orders.get(&pod.folder()).and_then(|(_, image)| image.clone());
                let orders =
                    Orders { behaviour: behaviour.clone(), epoch_unix_ms: self.epoch_unix_ms };
                self.send(&pod, orders, image)?;
            }
        }
        Ok(())
    }

    /// Starts clients and sampler for `seconds`; returns at once. The phases of behaviours count
    /// from here.
    pub fn load(&mut self, traffic: &Traffic, seconds: u64) -> Result<(), MeshError> {
        if self.load.as_ref().is_some_and(|load| load.end.is_none()) {
            return Err(MeshError::Order("load runs already; wait for it before starting another"));
        }
        let index = self.load.as_ref().map_or(0, |load| load.index + 1);
        self.start_epoch()?;
        let gateway = self.pods.first().ok_or(MeshError::Order("the mesh has no gateway"))?;
        let plan = LoadPlan {
            target: SocketAddr::from((gateway.address, gateway.port)),
            from: IpAddr::V4(CLIENT),
            traffic: traffic.clone(),
            seed: self.options.seed.wrapping_add(u64::from(index)),
            seconds,
        };
        let folder = self.state.path().to_path_buf();
        let plan_file = folder.join(format!("load-{index}.json"));
        write(&plan_file, serde_json::to_vec(&plan).map_err(io::Error::other))?;
        let start = (machine()?, self.lab_cpu()?);
        self.start_role(
            "sample",
            &[
                "--containers".into(),
                folder.join(CONTAINERS).into(),
                "--seconds".into(),
                seconds.to_string().into(),
                "--out".into(),
                folder.join(format!("cpu-{index}.csv")).into(),
            ],
        )?;
        let out = folder.join(format!("clients-{index}.csv"));
        self.start_role("load", &["--plan".into(), plan_file.into(), "--out".into(), out.into()])?;
        let start_unix_ms = now_unix_ms();
        self.load =
            Some(LoadRun { index, start, end: None, start_unix_ms, took_ms: seconds * 1_000 });
        Ok(())
    }

    /// Waits until clients and sampler have ended.
    pub fn wait_for_load(&mut self) -> Result<(), MeshError> {
        let Some(load) = &self.load else {
            return Err(MeshError::Order("no load was started"));
        };
        let planned = Duration::from_millis(load.took_ms + self.topology.traffic.timeout_ms);
        let passed = Duration::from_millis(now_unix_ms().saturating_sub(load.start_unix_ms));
        let deadline = Instant::now() + (planned + LOAD_SLACK).saturating_sub(passed);
        for role in ["load", "sample"] {
            self.wait_for_end(role, deadline)?;
        }
        self.check_alive()?;
        let end = (machine()?, self.lab_cpu()?);
        if let Some(load) = &mut self.load {
            load.end = Some(end);
            load.took_ms = now_unix_ms().saturating_sub(load.start_unix_ms);
        }
        Ok(())
    }

    /// Fails if a process of the mesh has ended by itself: what was recorded would be worthless.
    fn check_alive(&mut self) -> Result<(), MeshError> {
        let ended = self.running.iter_mut().find_map(|(name, running)| {
            let runs = matches!(running.child.try_wait(), Ok(None));
            (!runs).then(|| name.clone())
        });
        match ended {
            None => Ok(()),
            Some(what) => Err(MeshError::Ended { log: self.log_tail(&what), what }),
        }
    }

    /// Waits until a process has ended without failure.
    fn wait_for_end(&mut self, name: &str, deadline: Instant) -> Result<(), MeshError> {
        while let Some(running) = self.running.get_mut(name) {
            match running.child.try_wait() {
                Ok(Some(status)) if status.success() => {
                    self.running.remove(name);
                }
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Ok(None) => {
                    let (what, log) = (format!("the end of {name}"), self.log_tail(name));
                    return Err(MeshError::NotReady { what, seconds: LOAD_SLACK.as_secs(), log });
                }
                _ => {
                    let (what, log) = (name.to_owned(), self.log_tail(name));
                    return Err(MeshError::Ended { what, log });
                }
            }
        }
        Ok(())
    }

    /// What the pod's application must do under `platform`, and its image; `None` for a gateway.
    pub(super) fn orders(
        &self,
        pod: &Pod,
        platform: &Platform,
    ) -> Option<(Orders, Option<String>)> {
        pod.app_id.as_ref()?;
        let service = self.topology.service(&pod.service.namespace, &pod.service.name)?;
        let workload = service.workloads().into_iter().find(|it| it.name == pod.workload.name)?;
        let containers = platform.workloads.get(&pod.workload).map(|it| it.containers.as_slice());
        let image = containers.unwrap_or_default().first().map(|app| app.image.value.clone());
        let behaviour = service.behaviour_of(&workload, image.as_deref());
        Some((Orders { behaviour, epoch_unix_ms: self.epoch_unix_ms }, image))
    }

    /// Sends orders to the applications whose image differs from the last one.
    pub(super) fn send_orders(
        &mut self,
        platform: &Platform,
    ) -> Result<Vec<(String, String)>, MeshError> {
        let mut changed = Vec::new();
        for pod in self.pods.clone() {
            let Some((orders, image)) = self.orders(&pod, platform) else { continue };
            let told = self.told.orders.get(&pod.folder()).and_then(|(_, image)| image.as_ref());
            if told != image.as_ref() {
                changed.push((pod.name.clone(), image.clone().unwrap_or_default()));
                self.send(&pod, orders, image)?;
            }
        }
        Ok(changed)
    }

    /// Lets the phases of every application count from now.
    fn start_epoch(&mut self) -> Result<(), MeshError> {
        self.epoch_unix_ms = now_unix_ms();
        for pod in self.pods.clone() {
            let Some((mut orders, image)) = self.told.orders.get(&pod.folder()).cloned() else {
                continue;
            };
            orders.epoch_unix_ms = self.epoch_unix_ms;
            self.send(&pod, orders, image)?;
        }
        Ok(())
    }

    /// Sends orders to one application.
    fn send(&mut self, pod: &Pod, orders: Orders, image: Option<String>) -> Result<(), MeshError> {
        let fail = |source| MeshError::io(format!("orders to {}", pod.name), source);
        let body = serde_json::to_vec(&orders).map_err(|error| fail(io::Error::other(error)))?;
        let address = self.own_address(pod);
        self.network
            .of(&pod.folder())
            .inside(move || http::put(address, CONTROL_PORT, CONTROL_PATH, body))
            .and_then(|sent| sent)
            .map_err(fail)?;
        self.told.orders.insert(pod.folder(), (orders, image));
        Ok(())
    }
}

/// CPU time of the machine.
fn machine() -> Result<MachineCpu, MeshError> {
    MachineCpu::now().map_err(|source| MeshError::io("/proc/stat", source))
}
