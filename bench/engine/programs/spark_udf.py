"""Spark on two threads, with MLflow's spark_udf: spark_udf.py MODEL DATA.csv OUT RUNS

Scores RUNS times in one session and says the end of each by a line that starts with BENCH and has its seconds; the
first one is cold. The schema is given, so that Spark does not read the file twice."""

import sys
import time

import mlflow.pyfunc
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StructField, StructType


def schema(data):
    with open(data) as file:
        names = file.readline().strip().split(",")
    return StructType([StructField(name, DoubleType()) for name in names])


def session():
    builder = SparkSession.builder.master("local[2]").appName("bench")
    builder = builder.config("spark.driver.memory", "4g").config("spark.ui.enabled", "false")
    # Five times Spark's own 10,000: fewer calls of the model.
    return builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "50000").getOrCreate()


if __name__ == "__main__":
    model, data, out, runs = sys.argv[1:]
    spark = session()
    columns = schema(data)
    predict = mlflow.pyfunc.spark_udf(spark, model, result_type="long", env_manager="local")
    for _run in range(int(runs)):
        began = time.perf_counter()
        rows = spark.read.csv(data, header=True, schema=columns)
        scored = rows.select(predict(*columns.names).alias("prediction"))
        scored.write.csv(out, header=True, mode="overwrite")
        print(f"BENCH {time.perf_counter() - began:.3f}", flush=True)
