//! Real processes of the program `bienban`: what it prints, how it exits, how several work together.

mod cli;
mod hub;
mod join;
mod program;
