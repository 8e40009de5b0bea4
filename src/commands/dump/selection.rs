//! Which slots are wanted.

use std::path::Path;

use crate::commands::dump::DumpedSlot;
use crate::error::{Error, Result};
use crate::instance::Instance;
use crate::instance::dblwr::{Area, AreaKind};
use crate::units::{PageNo, SpaceId};

/// Which slots are wanted: all of them where nothing is named.
#[derive(Debug, Clone, Default)]
pub struct DumpSelection {
    /// Slots, by the file of their area (`None`: every live area) and their index.
    pub slots: Vec<(Option<String>, u32)>,
    /// Every copy of these pages.
    pub pages: Vec<(SpaceId, PageNo)>,
}

impl DumpSelection {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.pages.is_empty()
    }

    /// Whether an item is named.
    pub fn names(&self, item: &DumpedSlot, instance: &Instance) -> bool {
        let by_slot = || {
            self.slots.iter().any(|(file, index)| {
                *index == item.slot.index && areas_named(instance, file.as_deref()).contains(&item.area)
            })
        };
        item.page().is_some_and(|page| self.pages.contains(&page)) || by_slot()
    }

    /// Refuses slots that do not exist.
    ///
    /// # Errors
    /// No area has the file's name, or the index is past its end.
    pub fn check(&self, instance: &Instance) -> Result<()> {
        for (file, index) in &self.slots {
            let areas = areas_named(instance, file.as_deref());
            let inside = |&at: &usize| range_of(instance, at).is_some_and(|(_, slots)| *index < slots);
            if !areas.iter().any(inside) {
                return Err(Error::Refused(no_such_slot(instance, file.as_deref(), *index, &areas)));
            }
        }
        Ok(())
    }
}

fn no_such_slot(instance: &Instance, file: Option<&str>, index: u32, areas: &[usize]) -> String {
    let asked = file.map_or_else(|| format!("slot {index}"), |file| format!("slot {file}:{index}"));
    let all: Vec<usize> = (0..instance.areas.len()).collect();
    let shown = if areas.is_empty() { &all } else { areas };
    let ranges: Vec<String> = shown
        .iter()
        .filter_map(|&at| range_of(instance, at))
        .map(|(name, n)| describe_range(&name, n))
        .collect();
    match ranges.is_empty() {
        true => format!("{asked}: there is no doublewrite area here"),
        false => format!("{asked}: no such slot; {}", ranges.join(", ")),
    }
}

fn describe_range(name: &str, slots: u32) -> String {
    match slots.checked_sub(1) {
        Some(last) => format!("{name} has slots 0 to {last}"),
        None => format!("{name} has no slots"),
    }
}

/// Name of an area and how many slots, or entries of a reduced file, it has.
fn range_of(instance: &Instance, at: usize) -> Option<(String, u32)> {
    let area = instance.areas.get(at)?;
    let slots = match area.kind() {
        AreaKind::Reduced => {
            let entries =
                instance.reduced.iter().filter(|(of, _)| *of == at).flat_map(|(_, file)| &file.entries);
            entries.map(|entry| entry.index.saturating_add(1)).max().unwrap_or(0)
        }
        _ => area.slots,
    };
    Some((area.file.display().to_string(), slots))
}

/// The areas that a file name means; without one every live area of pages, or all where none is live.
fn areas_named(instance: &Instance, file: Option<&str>) -> Vec<usize> {
    let those = |wanted: &dyn Fn(&Area) -> bool| -> Vec<usize> {
        instance.areas.iter().enumerate().filter(|(_, area)| wanted(area)).map(|(at, _)| at).collect()
    };
    if let Some(file) = file {
        return those(&|area| is_named(area, file));
    }
    let of_pages = |area: &Area| area.kind() != AreaKind::Reduced && area.slots > 0;
    [those(&|area| of_pages(area) && area.live), those(&of_pages), those(&|_| true)]
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn is_named(area: &Area, file: &str) -> bool {
    let named = |path: &Path| path.as_os_str() == file || path.file_name().is_some_and(|n| n == file);
    named(&area.file) || area.runs.iter().any(|run| named(&run.path))
}
