# mypy: ignore-errors
"""What the application reads from its environment; a value it cannot use ends the process at import."""

import base64

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(case_sensitive=True)

    ENVIRONMENT: str = "development"
    DEBUG: bool = False
    LOG_LEVEL: str = "INFO"
    FRONTEND_URL: str = "http://localhost:3000"
    CORS_ORIGINS: list[str] = ["http://localhost:3000"]
    YOUR_AWS_REGION: str = "us-east-1"
    YOUR_AWS_ACCESS_KEY_ID: str | None = None
    YOUR_AWS_SECRET_ACCESS_KEY: str | None = None
    SES_SENDER_EMAIL: str | None = None
    REDIS_URL: str | None = None
    METRICS_COLLECTION_INTERVAL: int = 300
    CLIENTS_TABLE: str = "CloudHealthClients"
    METRICS_TABLE: str = "CloudHealthMetrics"
    COSTS_TABLE: str = "CloudHealthCosts"
    SECURITY_TABLE: str = "SecurityFindings"
    RECOMMENDATIONS_TABLE: str = "Recommendations"


class ProductionSettings(Settings):
    JWT_SECRET_KEY: str
    ENCRYPTION_KEY: str

    @field_validator("JWT_SECRET_KEY")
    @classmethod
    def long_enough(cls, value: str) -> str:
        if len(value) < 32:
            raise ValueError("JWT_SECRET_KEY needs 32 characters or more")
        return value

    @field_validator("ENCRYPTION_KEY")
    @classmethod
    def fernet(cls, value: str) -> str:
        if len(value) != 44 or len(base64.urlsafe_b64decode(value)) != 32:
            raise ValueError("ENCRYPTION_KEY must be url-safe base64 of 32 bytes")
        return value


settings = Settings()
if settings.ENVIRONMENT == "production":
    settings = ProductionSettings()
