//! Calls: operators and functions. Names, style and number of arguments are checked here.

use super::{Compiler, Use, constant, folding};
use crate::expr::functions::{self, Function, Style};
use crate::expr::operators::negate;
use crate::expr::program::{Arithmetic, Comparison, Op};
use crate::expr::value::Value;
use crate::suggest;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, operators};

/// Packages of functions: `math.abs`, not a variable's method.
const PACKAGES: [&str; 6] = ["math", "base64", "strings", "lists", "optional", "cel"];

impl Compiler<'_> {
    pub(super) fn call(&mut self, call: &CallExpr) -> Op {
        if let (None, Some(op)) = (&call.target, self.operator(call)) {
            return op;
        }
        match &call.target {
            Some(target) => match &target.expr {
                Expr::Ident(package) if PACKAGES.contains(&package.as_str()) && !self.is_local(package) => {
                    let name = format!("{package}.{}", call.func_name);
                    match name.as_str() {
                        "cel.bind" => self.bind(&call.args),
                        _ => self.function(&name, None, &call.args),
                    }
                }
                _ => self.method(call, target),
            },
            None => {
                let name = call.func_name.strip_prefix('.').unwrap_or(&call.func_name);
                match self.form(name, &call.args) {
                    Some(op) => op,
                    None => self.function(name, None, &call.args),
                }
            }
        }
    }

    fn operator(&mut self, call: &CallExpr) -> Option<Op> {
        Some(match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                Op::Conditional(Box::new([self.expression(condition), self.expression(yes), self.expression(no)]))
            }
            (operators::LOGICAL_AND, [left, right]) => Op::And(self.boxed(left), self.boxed(right)),
            (operators::LOGICAL_OR, [left, right]) => Op::Or(self.boxed(left), self.boxed(right)),
            (operators::LOGICAL_NOT, [operand]) => Op::Not(self.boxed(operand)),
            (operators::NEGATE, [operand]) => self.negation(operand),
            (operators::ADD, [left, right]) => self.arithmetic(Arithmetic::Add, left, right),
            (operators::SUBSTRACT, [left, right]) => self.arithmetic(Arithmetic::Subtract, left, right),
            (operators::MULTIPLY, [left, right]) => self.arithmetic(Arithmetic::Multiply, left, right),
            (operators::DIVIDE, [left, right]) => self.arithmetic(Arithmetic::Divide, left, right),
            (operators::MODULO, [left, right]) => self.arithmetic(Arithmetic::Modulo, left, right),
            (operators::EQUALS, [left, right]) => Op::Equal(self.boxed(left), self.boxed(right)),
            (operators::NOT_EQUALS, [left, right]) => Op::NotEqual(self.boxed(left), self.boxed(right)),
            (operators::LESS, [left, right]) => self.comparison(Comparison::Less, left, right),
            (operators::LESS_EQUALS, [left, right]) => self.comparison(Comparison::LessOrEqual, left, right),
            (operators::GREATER, [left, right]) => self.comparison(Comparison::Greater, left, right),
            (operators::GREATER_EQUALS, [left, right]) => self.comparison(Comparison::GreaterOrEqual, left, right),
            (operators::IN, [element, container]) => Op::In(self.boxed(element), self.boxed(container)),
            (operators::INDEX, [base, key]) => self.index(base, key),
            (operators::OPT_INDEX | operators::OPT_SELECT, [base, key]) => self.optional_index(base, key),
            _ => return None,
        })
    }

    fn comparison(&mut self, comparison: Comparison, left: &IdedExpr, right: &IdedExpr) -> Op {
        Op::Compare(comparison, self.boxed(left), self.boxed(right))
    }

    fn negation(&mut self, operand: &IdedExpr) -> Op {
        match self.expression(operand) {
            Op::Constant(value) => match negate(&value) {
                Ok(value) => Op::Constant(value),
                Err(_) => Op::Negate(Box::new(Op::Constant(value))),
            },
            operand => Op::Negate(Box::new(operand)),
        }
    }

    fn arithmetic(&mut self, operator: Arithmetic, left: &IdedExpr, right: &IdedExpr) -> Op {
        match (self.expression(left), self.expression(right)) {
            (Op::Constant(left), Op::Constant(right)) => match operator.apply(&left, &right, &folding()) {
                Ok(value) => Op::Constant(value),
                // An error is one of the evaluation: another branch may decide.
                Err(_) => Op::Arithmetic(operator, Box::new(Op::Constant(left)), Box::new(Op::Constant(right))),
            },
            (left, right) => Op::Arithmetic(operator, Box::new(left), Box::new(right)),
        }
    }

    /// A call on a value.
    fn method(&mut self, call: &CallExpr, target: &IdedExpr) -> Op {
        if let Some(op) = self.loop_call(call, target) {
            return op;
        }
        if let Some(op) = self.method_form(call, target) {
            return op;
        }
        self.function(&call.func_name, Some(target), &call.args)
    }

    pub(super) fn function(&mut self, name: &str, target: Option<&IdedExpr>, arguments: &[IdedExpr]) -> Op {
        let Some(function) = functions::find(name, target.is_some()) else {
            return self.unknown_function(name, target, arguments);
        };
        let count = arguments.len() + usize::from(target.is_some());
        if count < function.least || count > function.most {
            self.wrong_count(function, target.is_some(), arguments.len());
        }
        let operands: Vec<Op> = target.into_iter().chain(arguments).map(|argument| self.expression(argument)).collect();
        self.check_literals(function, &operands);
        if operands.iter().any(|operand| !matches!(operand, Op::Constant(_))) {
            return Op::Call(function, operands.into());
        }
        let values: Vec<Value> = operands.into_iter().filter_map(constant).collect();
        match (function.run)(&folding(), &values) {
            Ok(value) => Op::Constant(value),
            Err(_) => Op::Call(function, values.into_iter().map(Op::Constant).collect()),
        }
    }

    fn wrong_count(&mut self, function: &Function, as_method: bool, given: usize) {
        let receiver = usize::from(as_method);
        let (least, most) = (function.least - receiver, function.most - receiver);
        let expected = match (least, most) {
            (0, 0) => "no argument".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) if most - least == 1 => format!("{least} or {most} arguments"),
            (least, _) => format!("{least} arguments or more"),
        };
        let span = self.find_function(function.name, as_method);
        let message = format!("`{}` takes {expected}, not {given}", function.name);
        self.mistake("expr-arguments", message, None, span);
    }

    pub(super) fn find_function(&self, name: &str, as_method: bool) -> (usize, usize) {
        match (name.split_once('.'), as_method) {
            (Some((_, member)), _) => self.find(member, Use::Member),
            (None, true) => self.find(name, Use::Member),
            (None, false) => self.find(name, Use::Variable),
        }
    }

    fn unknown_function(&mut self, name: &str, target: Option<&IdedExpr>, arguments: &[IdedExpr]) -> Op {
        let as_method = target.is_some();
        let help = match functions::find(name, !as_method) {
            Some(_) if as_method => Some(format!("write {name}(…): it is not called on a value")),
            Some(_) => Some(format!("write x.{name}(…): it is called on a value")),
            None => super::forms::usage(name).map(str::to_owned).or_else(|| {
                let fitting = functions::all().filter(|function| function.style.fits(as_method));
                let names = fitting.map(|function| function.name).chain(super::forms::NAMES);
                suggest::did_you_mean(name, names)
            }),
        };
        let span = self.find_function(name, as_method);
        let message = match super::forms::usage(name) {
            Some(_) => format!("`{name}` is not called like this"),
            None => format!("unknown function `{name}`"),
        };
        self.mistake("expr-unknown-function", message, help, span);
        // Mistakes in the arguments are told as well; those of a loop's body would be about names that it binds.
        if super::forms::usage(name).is_none() {
            for argument in target.into_iter().chain(arguments) {
                self.expression(argument);
            }
        }
        super::nothing()
    }

    /// Formats and zones that can be tried at load, when they are written as literals.
    fn check_literals(&mut self, function: &Function, operands: &[Op]) {
        let is_time =
            function.name == "formatTime" || (function.name.starts_with("get") && function.style == Style::Method);
        let Some((_, rest)) = operands.split_first() else { return };
        if !is_time || rest.is_empty() || rest.iter().any(|operand| !matches!(operand, Op::Constant(_))) {
            return;
        }
        let mut values = vec![Value::Timestamp(chrono::DateTime::UNIX_EPOCH.fixed_offset())];
        values.extend(rest.iter().filter_map(|operand| match operand {
            Op::Constant(value) => Some(value.clone()),
            _ => None,
        }));
        if let Err(error) = (function.run)(&folding(), &values) {
            let span = self.find_function(function.name, function.style == Style::Method);
            self.mistake("expr-arguments", error.to_string(), None, span);
        }
    }
}
