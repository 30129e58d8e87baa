"""The journeys' input: real data where it lies beside the checkout, else rows of the same shape."""

import csv
import random
from pathlib import Path

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
DIABETES = [
    "Pregnancies",
    "PlasmaGlucose",
    "DiastolicBloodPressure",
    "TricepsThickness",
    "SerumInsulin",
    "BMI",
    "DiabetesPedigree",
    "Age",
]
TITANIC = ["Survived", "Pclass", "Sex", "Age", "Fare", "Embarked", "Loc", "GroupSize"]


def titanic_file(folder: Path) -> Path:
    """One CSV file of 891 rows with words, numbers and the label among its columns."""
    real = SHARED / "titanic" / "titanic-test-data.csv"
    if real.exists():
        return real
    chance, file = random.Random(1912), folder / "titanic-test-data.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(TITANIC)
        for _ in range(891):
            sex = chance.choice(["male", "female"])
            survived = int(chance.random() < (0.7 if sex == "female" else 0.2))
            numbers = [chance.randint(0, 80), round(chance.expovariate(1 / 30), 4)]
            words = [chance.choice("SCQ"), chance.choice("ABCDEFGTX"), chance.randint(1, 11)]
            writer.writerow([survived, chance.randint(1, 3), sex, *numbers, *words])
    return file


def diabetes_files(folder: Path) -> list[Path]:
    """Four CSV files of 100 rows; most columns hold whole numbers where the model wants doubles."""
    real = sorted((SHARED / "diabetes").glob("*.csv"))
    if real:
        return real
    chance, files = random.Random(7), []
    for number in range(4):
        file = folder / f"patient-data-{number}.csv"
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(DIABETES)
            for _ in range(100):
                whole = [chance.randint(0, 10), chance.randint(60, 190), chance.randint(40, 110)]
                more = [chance.randint(7, 60), chance.randint(20, 400), chance.uniform(18, 50)]
                writer.writerow([*whole, *more, round(chance.random(), 9), chance.randint(21, 70)])
        files.append(file)
    return files
