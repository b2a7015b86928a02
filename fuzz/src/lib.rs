//! Fuzz targets for what partners send. Start at [`bodies`].

pub mod bodies;
