"""The local AWS: a CloudFormation of our own over moto's services, on loopback."""
