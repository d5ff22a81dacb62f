document.title = 'Culvert';
