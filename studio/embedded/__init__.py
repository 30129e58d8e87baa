"""Everything that `make run` starts on one machine: PostgreSQL, Valkey, MLflow and the studio's own processes."""
