# mypy: ignore-errors
"""What the application reads from its environment."""

from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """A service outside gives the key; without a sender nothing is sent."""

    MAIL_API_KEY: str = Field(min_length=8)
    MAIL_SENDER: str = ""
    BATCH_SIZE: int = 20


settings = Settings()
