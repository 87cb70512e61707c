//! Movements that commands of several modules make.
