//! The gate as its doors see it, with providers and a clock that a test holds in its hand.

mod asked;
mod calls;
mod clients;
mod legacy;
mod legacy_calls;
mod listen;
mod lists;
mod modern;
mod parked;
mod pipe;
mod raised;
mod resources;
mod roots;
mod served;
mod servers;
mod stages;
mod tasks;
mod tasks_bridged;
mod watched;
mod world;
