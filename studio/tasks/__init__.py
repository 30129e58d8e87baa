from studio.tasks import compute, jobs, models, sweep

__all__ = ["compute", "jobs", "models", "sweep"]
