//! Rows out of the graph: what was linked with them is linked anew, so that nothing is reached through a dead row.
//!
//! Owns the repair; must not know ids or files. Invariant: afterwards no link leads to a removed row, rows are numbered
//! without gaps in their old order, and the result depends only on the graph and on which rows go.

use super::graph::Graph;
use super::link::{Workers, best_links, link_back};
use super::rows::Rows;
use super::walk::Walk;

/// Removes the rows of the graph that do not stay; `stays` has an entry for every one of `rows`, which lose theirs too.
pub fn remove_rows(graph: &mut Graph, rows: &mut Rows, stays: &[bool], workers: &Workers) {
    let stays_in_graph = &stays[..graph.len()];
    relink(graph, rows, stays_in_graph, workers);
    if let Some(entry) = new_entry(graph, stays_in_graph) {
        graph.set_entry(entry);
    }
    graph.retain(stays_in_graph);
    rows.retain(stays);
}

/// Gives every row that was linked with a dead one new links: those that are left and the live links of the dead.
fn relink(graph: &mut Graph, rows: &Rows, stays: &[bool], workers: &Workers) {
    let alive = |row: &u32| stays[*row as usize];
    let mut torn = Vec::new();
    for row in (0..graph.len() as u32).filter(alive) {
        for layer in 0..=graph.level(row) {
            if !graph.links(row, layer).iter().all(alive) {
                torn.push((layer, row));
            }
        }
    }
    let lists = workers.each(torn.len(), |at, worker| {
        let (layer, row) = torn[at];
        let mut list: Vec<u32> = graph
            .links(row, layer)
            .iter()
            .copied()
            .filter(alive)
            .collect();
        for link in beyond_the_dead(graph, row, layer, stays, &mut worker.walk) {
            if !list.contains(&link) {
                list.push(link);
            }
        }
        best_links(rows, row, list, graph.cap(layer), worker)
    });
    let mut back = Vec::new();
    for ((layer, row), list) in torn.iter().zip(lists) {
        graph.set_links(*row, *layer, &list);
        back.extend(list.iter().map(|link| (*layer, *link, *row)));
    }
    // Links in both directions, or a row that only dead ones led to could not be reached any more.
    back.retain(|(layer, target, row)| !graph.links(*target, *layer).contains(row));
    link_back(graph, rows, back, workers);
}

/// The live rows that are reached from `row` through dead ones only, nearest generation first, as soon as there are some.
fn beyond_the_dead(
    graph: &Graph,
    row: u32,
    layer: usize,
    stays: &[bool],
    walk: &mut Walk,
) -> Vec<u32> {
    walk.begin(graph.len());
    walk.meets(row);
    let mut edge: Vec<u32> = Vec::new();
    for link in graph.links(row, layer) {
        if walk.meets(*link) && !stays[*link as usize] {
            edge.push(*link);
        }
    }
    let mut found = Vec::new();
    while found.is_empty() && !edge.is_empty() {
        let mut next = Vec::new();
        for through in &edge {
            for link in graph.links(*through, layer) {
                if !walk.meets(*link) {
                    continue;
                }
                if stays[*link as usize] {
                    found.push(*link);
                } else {
                    next.push(*link);
                }
            }
        }
        edge = next;
    }
    found
}

/// The live row on the highest layer, the lowest of them; None when nothing is left.
fn new_entry(graph: &Graph, stays: &[bool]) -> Option<u32> {
    if stays.get(graph.entry() as usize) == Some(&true) {
        return Some(graph.entry());
    }
    (0..graph.len() as u32)
        .filter(|row| stays[*row as usize])
        .max_by_key(|row| (graph.level(*row), std::cmp::Reverse(*row)))
}
