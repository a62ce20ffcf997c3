//! Loops: `all`, `exists`, `map`, `filter` and their kin.

use super::{Evaluation, Result, elements, insert, map_key};
use crate::expr::EvaluationError;
use crate::expr::functions::sort_by_keys;
use crate::expr::operators::no_overload;
use crate::expr::program::{Fold, FoldKind};
use crate::expr::value::{Value, View};

/// What a loop has gathered.
struct Gathered {
    list: Vec<Value>,
    map: Vec<(Value, Value)>,
    count: usize,
    /// The first error of a predicate, told only where no element decides.
    error: Option<EvaluationError>,
}

impl Fold {
    pub(super) fn evaluate(&self, evaluation: &mut Evaluation<'_>) -> Result {
        let range = self.range.evaluate(evaluation)?;
        let is_map = matches!(range.view(), View::Map(_));
        let Some(elements) = elements(range.view()) else { return Err(no_overload(self.kind.name(), &[&range])) };
        let base = evaluation.locals.len();
        if base != self.slot {
            return Err(EvaluationError::Wrong("a name around the expression is not bound".to_owned()));
        }
        let mut gathered = Gathered { list: Vec::new(), map: Vec::new(), count: 0, error: None };
        let mut outcome = Ok(None);
        for (index, (key, item)) in elements.enumerate() {
            let (first, second) = match (is_map, self.two_names) {
                (_, false) => (key.to_value(), None),
                (true, true) => (key.to_value(), Some(item.to_value())),
                (false, true) => (Value::Int(index as i64), Some(item.to_value())),
            };
            evaluation.locals.push(first);
            evaluation.locals.extend(second);
            outcome = self.step(evaluation, &mut gathered);
            evaluation.locals.truncate(base);
            if !matches!(outcome, Ok(None)) {
                break;
            }
        }
        match outcome? {
            Some(decided) => Ok(decided),
            None => self.end(gathered, evaluation),
        }
    }

    /// One element: `Some` where the result is decided.
    fn step(&self, evaluation: &mut Evaluation<'_>, gathered: &mut Gathered) -> Result<Option<Value>> {
        evaluation.meter.steps(1)?;
        if let Some(filter) = &self.filter
            && !filter.boolean(self.kind.name(), evaluation)?
        {
            return Ok(None);
        }
        match self.kind {
            FoldKind::All => return self.decide(false, evaluation, gathered),
            FoldKind::Exists => return self.decide(true, evaluation, gathered),
            FoldKind::ExistsOne => gathered.count += usize::from(self.body.boolean("exists_one", evaluation)?),
            FoldKind::Filter => {
                if self.body.boolean("filter", evaluation)? {
                    evaluation.meter.elements(1)?;
                    gathered.list.extend(evaluation.locals.get(self.slot).cloned());
                }
            }
            FoldKind::List => {
                evaluation.meter.elements(1)?;
                gathered.list.push(self.body.evaluate(evaluation)?);
            }
            FoldKind::Map => {
                evaluation.meter.elements(2)?;
                let value = self.body.evaluate(evaluation)?;
                // Keys of a map and positions of a list are each there once.
                gathered.map.extend(evaluation.locals.get(self.slot).cloned().map(|key| (key, value)));
            }
            FoldKind::Entries => self.add_entries(evaluation, gathered)?,
            FoldKind::Sort => {
                evaluation.meter.elements(2)?;
                let key = self.body.evaluate(evaluation)?;
                gathered.map.extend(evaluation.locals.get(self.slot).cloned().map(|element| (key, element)));
            }
        }
        Ok(None)
    }

    /// A predicate of `all` and `exists`: an error is absorbed where another element decides.
    fn decide(
        &self,
        decisive: bool,
        evaluation: &mut Evaluation<'_>,
        gathered: &mut Gathered,
    ) -> Result<Option<Value>> {
        match self.body.boolean(self.kind.name(), evaluation) {
            Ok(value) if value == decisive => return Ok(Some(Value::Bool(decisive))),
            Ok(_) => {}
            Err(error @ EvaluationError::Budget(_)) => return Err(error),
            Err(error) => match (&gathered.error, &error) {
                (None, _) => gathered.error = Some(error),
                // As in `||`: an absent key must not hide what is wrong.
                (Some(EvaluationError::Absent { .. }), EvaluationError::Wrong(_)) if decisive => {
                    gathered.error = Some(error);
                }
                _ => {}
            },
        }
        Ok(None)
    }

    fn add_entries(&self, evaluation: &mut Evaluation<'_>, gathered: &mut Gathered) -> Result<()> {
        let entries = self.body.evaluate(evaluation)?;
        let View::Map(map) = entries.view() else { return Err(no_overload(self.kind.name(), &[&entries])) };
        for (key, value) in map.iter() {
            evaluation.meter.elements(2)?;
            evaluation.meter.steps(gathered.map.len() / 8)?;
            insert(&mut gathered.map, map_key(key.to_value())?, value.to_value())?;
        }
        Ok(())
    }

    fn end(&self, gathered: Gathered, evaluation: &Evaluation<'_>) -> Result {
        if let Some(error) = gathered.error {
            return Err(error);
        }
        match self.kind {
            FoldKind::All => Ok(Value::Bool(true)),
            FoldKind::Exists => Ok(Value::Bool(false)),
            FoldKind::ExistsOne => Ok(Value::Bool(gathered.count == 1)),
            FoldKind::List | FoldKind::Filter => Ok(Value::list(gathered.list)),
            FoldKind::Map | FoldKind::Entries => Ok(Value::map(gathered.map)),
            FoldKind::Sort => sort_by_keys("sortBy", gathered.map, &evaluation.meter),
        }
    }
}

impl FoldKind {
    pub(in crate::expr) fn name(self) -> &'static str {
        match self {
            FoldKind::All => "all",
            FoldKind::Exists => "exists",
            FoldKind::ExistsOne => "exists_one",
            FoldKind::List => "map",
            FoldKind::Filter => "filter",
            FoldKind::Map => "transformMap",
            FoldKind::Entries => "transformMapEntry",
            FoldKind::Sort => "sortBy",
        }
    }
}
