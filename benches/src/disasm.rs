//! Whether compiled functions keep the promise of the hot path: no locked instruction, no system call, no
//! call but to named slow paths.
//!
//! Lives here: reading `objdump -d` (x86-64) and judging it. Not here: which functions are hot (`probe`).
//!
//! The walk starts at a probe and follows every direct call and jump into other functions, so what was not
//! inlined is judged too. It stops at cold functions, which are known by name ([`COLD`]): each is a first use
//! or an unusual packet, off the path of the packet after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Parts of the names of functions where the walk stops: slow paths, each marked `#[cold]` at its definition.
pub const COLD: [&str; 4] = [
    "add_slow",    // first use of a counter on a thread
    "with_shard",  // the same, of a gauge
    "record_slow", // the same, of a histogram; or a value above its maximum
    "on_unusual",  // a packet that is not the next in order
];

/// A program's functions: the instructions of each, in order, as objdump prints them.
#[derive(Debug, Default)]
pub struct Program {
    functions: BTreeMap<String, Vec<String>>,
    /// Where each function starts.
    addresses: BTreeMap<u64, String>,
    /// What the dynamic linker writes into the global offset table: the name or address behind `*0x…(%rip)`.
    table: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
enum Entry {
    Address(u64),
    Name(String),
}

/// Something on the hot path that may not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The function that holds it: the probe or something it calls.
    pub function: String,
    /// The instruction.
    pub instruction: String,
    /// Why it may not be there.
    pub why: &'static str,
}

impl Program {
    /// Disassembles the program at `path`.
    ///
    /// # Errors
    /// If objdump (binutils) can't be run or can't read the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let objdump = |args: &[&str]| {
            let out = Command::new("objdump")
                .args(args)
                .arg(path)
                .output()
                .map_err(|e| format!("cannot run objdump (package binutils): {e}"))?;
            if out.status.success() {
                Ok(String::from_utf8_lossy(&out.stdout).into_owned())
            } else {
                Err(format!("objdump: {}", String::from_utf8_lossy(&out.stderr)))
            }
        };
        let text = objdump(&[
            "--disassemble",
            "--demangle",
            "--no-show-raw-insn",
            "--section=.text",
        ])?;
        Ok(Self::parse(
            &text,
            &objdump(&["--dynamic-reloc", "--demangle"])?,
        ))
    }

    fn parse(text: &str, relocations: &str) -> Self {
        let mut program = Self::default();
        let mut current = None;
        for line in text.lines() {
            if let Some((address, name)) = header(line) {
                program.addresses.insert(address, name.to_owned());
                current = Some(program.functions.entry(name.to_owned()).or_default());
            } else if let Some((_, instruction)) = line.split_once(":\t")
                && let Some(function) = &mut current
            {
                function.push(instruction.trim().to_owned());
            }
        }
        program.table = relocations.lines().filter_map(relocation).collect();
        program
    }

    /// Everything forbidden on the way through `function`; empty is good.
    ///
    /// # Errors
    /// If there is no such function: then nothing was checked.
    pub fn violations(&self, function: &str) -> Result<Vec<Violation>, String> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut todo = vec![function];
        while let Some(name) = todo.pop() {
            if !seen.insert(name) {
                continue;
            }
            let Some(body) = self.functions.get(name) else {
                return Err(format!("no function {name:?} in the program"));
            };
            for instruction in body {
                match self.judge(name, instruction) {
                    Judgement::Fine => {}
                    Judgement::Follow(next) => todo.push(next),
                    Judgement::Bad(why) => found.push(Violation {
                        function: name.to_owned(),
                        instruction: instruction.clone(),
                        why,
                    }),
                }
            }
        }
        Ok(found)
    }

    fn judge<'a>(&'a self, function: &str, instruction: &'a str) -> Judgement<'a> {
        let (operation, operands) = instruction.split_once(' ').unwrap_or((instruction, ""));
        let operands = operands.trim();
        match operation {
            "lock" => Judgement::Bad("a locked instruction"),
            // With a memory operand xchg locks the bus without saying so.
            "xchg" if operands.contains('(') => Judgement::Bad("an exchange with memory locks"),
            "mfence" | "sfence" | "lfence" | "cpuid" => Judgement::Bad("waits for loads or stores"),
            "syscall" | "sysenter" | "int" => Judgement::Bad("a system call"),
            _ if operation == "call" || operation.starts_with('j') => match self.target(operands) {
                Some(target) => go(function, operation, target),
                // `jmp *%rax` of a match's table stays inside, but can't be told from others here.
                None => Judgement::Bad("a call or jump whose target is not known"),
            },
            _ => Judgement::Fine,
        }
    }

    /// Where a call or jump goes: `33150 <name+0x39>`, or `*0x3ac49(%rip)  # 6ddd8 <…>` by the table.
    fn target<'a>(&'a self, operands: &'a str) -> Option<&'a str> {
        if !operands.starts_with('*') {
            return Some(operands.strip_suffix('>')?.split_once('<')?.1);
        }
        let (_, comment) = operands.split_once("(%rip)")?.1.split_once("# ")?;
        let at = u64::from_str_radix(comment.split(' ').next()?, 16).ok()?;
        match self.table.get(&at)? {
            Entry::Address(address) => self.addresses.get(address).map(String::as_str),
            Entry::Name(name) => Some(name),
        }
    }
}

enum Judgement<'a> {
    Fine,
    Follow(&'a str),
    Bad(&'static str),
}

/// Address and name in a line like `0000000000012340 <name>:`.
fn header(line: &str) -> Option<(u64, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// A line like `000000000006ddd8 R_X86_64_RELATIVE  *ABS*+0x0000000000033190` or `… R_X86_64_GLOB_DAT  memcpy@GLIBC_2.14`.
fn relocation(line: &str) -> Option<(u64, Entry)> {
    let mut words = line.split_whitespace();
    let at = u64::from_str_radix(words.next()?, 16).ok()?;
    let what = words.nth(1)?;
    let entry = match what.strip_prefix("*ABS*+0x") {
        Some(address) => Entry::Address(u64::from_str_radix(address, 16).ok()?),
        None => Entry::Name(what.to_owned()),
    };
    Some((at, entry))
}

/// A call or jump: within the function, to a cold one, or to one that must be judged too.
fn go<'a>(function: &str, operation: &str, target: &'a str) -> Judgement<'a> {
    let (name, offset) = match target.rsplit_once("+0x") {
        Some((name, _)) => (name, true),
        None => (target, false),
    };
    let inside = name == function && (offset || operation != "call");
    if inside || COLD.iter().any(|cold| name.contains(cold)) {
        Judgement::Fine
    } else if offset {
        Judgement::Bad("a jump into the middle of another function")
    } else {
        Judgement::Follow(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(body: &str) -> Vec<&'static str> {
        let text = format!(
            "0000000000001000 <probe_x>:\n{body}\n\n\
             0000000000002000 <inner>:\n    2000:\tadd    %rax,(%rdi)\n    2003:\tret\n\n\
             0000000000003000 <bad>:\n    3000:\tlock incq (%rdi)\n    3004:\tret\n\n\
             0000000000004000 <core::Counter::add_slow>:\n    4000:\tlock incq (%rdi)\n"
        );
        let relocations = "OFFSET TYPE VALUE\n\
             0000000000009000 R_X86_64_RELATIVE  *ABS*+0x0000000000003000\n\
             0000000000009008 R_X86_64_RELATIVE  *ABS*+0x0000000000004000\n";
        let found = Program::parse(&text, relocations)
            .violations("probe_x")
            .unwrap();
        found.into_iter().map(|v| v.why).collect()
    }

    #[test]
    fn plain_instructions_pass() {
        assert!(
            violations(
                "    1000:\tadd    %rax,%fs:0x10\n    1008:\tjne    1000 <probe_x>\n    100a:\tret"
            )
            .is_empty()
        );
        assert!(
            violations("    1000:\txchg   %ax,%ax").is_empty(),
            "padding"
        );
        assert!(violations("    1000:\tjmp    4000 <core::Counter::add_slow>").is_empty());
        assert!(violations("    1000:\tcall   2000 <inner>\n    1005:\tret").is_empty());
    }

    #[test]
    fn what_may_not_be_there_is_found() {
        assert_eq!(
            violations("    1000:\tlock xadd %rax,(%rdi)"),
            ["a locked instruction"]
        );
        assert_eq!(
            violations("    1000:\txchg   %rax,0x8(%rdi)"),
            ["an exchange with memory locks"]
        );
        assert_eq!(violations("    1000:\tsyscall"), ["a system call"]);
        assert_eq!(
            violations("    1000:\tcall   *%rax"),
            ["a call or jump whose target is not known"]
        );
        assert_eq!(
            violations("    1000:\tmfence"),
            ["waits for loads or stores"]
        );
    }

    #[test]
    fn callees_are_judged_too() {
        assert_eq!(
            violations("    1000:\tcall   3000 <bad>"),
            ["a locked instruction"]
        );
        assert_eq!(
            violations("    1000:\tjmp    3000 <bad>"),
            ["a locked instruction"]
        );
        assert_eq!(
            violations("    1000:\tje     3000 <bad>"),
            ["a locked instruction"]
        );
        let by_table = |at| {
            violations(&format!(
                "    1000:\tcall   *0x2f(%rip)        # {at} <_DYNAMIC+0x8>"
            ))
        };
        assert_eq!(by_table("9000"), ["a locked instruction"]);
        assert!(by_table("9008").is_empty(), "cold");
    }

    #[test]
    fn a_probe_that_is_not_there_was_not_checked() {
        assert!(Program::parse("", "").violations("probe_x").is_err());
    }
}
