//! The nodes of a logic question that compete at each latent: the branches of the search that it holds, and their strength.

use std::collections::VecDeque;

use super::facts::{Facts, Node, Relation, parse};
use super::logic::token_node;
use crate::core::types::{LatentIdx, LatentNodes, NodeMass, TokenRead};

/// Returns the nodes among the top tokens of each latent; empty if the question cannot be parsed.
#[must_use]
pub fn nodes(question: &str, latents: &[Vec<TokenRead>], top_k: usize) -> Vec<LatentNodes> {
    let Ok(facts) = parse(question) else {
        return Vec::new();
    };
    let reach = reach(&facts);
    let latent_nodes = |(at, top): (usize, &Vec<TokenRead>)| {
        let mut nodes: Vec<(Node, f64)> = Vec::new();
        for token in top.iter().take(top_k) {
            let Some(node) = token_node(&facts, token) else {
                continue;
            };
            let probability = f64::from(token.prob);
            match nodes.iter_mut().find(|(seen, _)| *seen == node) {
                Some((_, mass)) => *mass += probability,
                None => nodes.push((node, probability)),
            }
        }
        nodes.sort_by(|a, b| b.1.total_cmp(&a.1));
        LatentNodes {
            latent: LatentIdx(at + 1),
            nodes: nodes
                .into_iter()
                .map(|(node, probability)| NodeMass {
                    node: facts.nodes[node].clone(),
                    probability,
                    facts: reach[node],
                })
                .collect(),
        }
    };
    latents.iter().enumerate().map(latent_nodes).collect()
}

/// The number of facts that lead to each node from the queried entity; a denied node leads no further.
fn reach(facts: &Facts) -> Vec<Option<usize>> {
    let mut reach = vec![None; facts.nodes.len()];
    reach[facts.entity] = Some(0);
    let mut queue = VecDeque::from([facts.entity]);
    while let Some(node) = queue.pop_front() {
        let distance = reach[node].unwrap_or_default();
        for fact in facts.facts.iter().filter(|fact| fact.from == node) {
            if reach[fact.to].is_none() {
                reach[fact.to] = Some(distance + 1);
                if fact.relation != Relation::IsNot {
                    queue.push_back(fact.to);
                }
            }
        }
    }
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, prob: f32) -> TokenRead {
        TokenRead {
            id: 0,
            text: text.to_owned(),
            logit: 0.0,
            prob,
        }
    }

    #[test]
    fn probabilities_of_a_node_add_up_and_unreached_nodes_have_no_distance() {
        let question = "Tom is a gorpus. Every gorpus is a bompus. Every gorpus is a lempus. Every bompus is a flonk. \
                        Every zumpus is a rompus. Is Tom a flonk or rompus?";
        let latents = vec![
            vec![
                token(" bompus", 0.4),
                token(" lempus", 0.3),
                token("bompus", 0.1),
                token(" the", 0.1),
                token(" rompus", 0.05),
            ],
            Vec::new(),
        ];
        let result = nodes(question, &latents, 5);
        let named: Vec<(&str, Option<usize>)> = result[0]
            .nodes
            .iter()
            .map(|n| (n.node.as_str(), n.facts))
            .collect();
        assert_eq!(
            named,
            [("bompus", Some(2)), ("lempus", Some(2)), ("rompus", None)]
        );
        let (all, reached, top) = result[0].masses();
        assert!(
            (all - 0.85).abs() < 1e-6 && (reached - 0.8).abs() < 1e-6 && (top - 0.5).abs() < 1e-6
        );
        assert!(result[1].nodes.is_empty() && result[1].latent == LatentIdx(2));
        assert_eq!(nodes(question, &latents, 1)[0].nodes.len(), 1);
        assert!(nodes("no question", &latents, 5).is_empty());
    }
}
